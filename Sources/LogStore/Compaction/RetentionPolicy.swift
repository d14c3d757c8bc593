internal import Synchronization

/// How long messages are kept: by the retention class that their session was created with, and by tenant.
package struct RetentionPolicy: Sendable, Hashable {
    /// Seconds by class; 0 or none: for ever.
    package var classes: [UInt8: Int]
    /// Seconds by a tenant's name, for sessions of every class; they win over the class's.
    package var tenants: [String: Int]

    /// Classes whose sessions stay when all their entries have expired.
    package var lastingSessions: Set<UInt8>

    package init(classes: [UInt8: Int] = [:], tenants: [String: Int] = [:], lastingSessions: Set<UInt8> = []) {
        self.classes = classes
        self.tenants = tenants
        self.lastingSessions = lastingSessions
    }

    var isEmpty: Bool { classes.values.allSatisfy { $0 <= 0 } && tenants.values.allSatisfy { $0 <= 0 } }
}

/// What has expired by now. Shared by readers, which hide it at once, and maintenance, which removes it.
///
/// ## The clock guard
/// Devices without a battery clock boot in the past and jump; one jump must not delete a year. The time that decides is
/// the newest that the store has believed (the manifest's watermark at open), moved on by the monotonic clock. The wall
/// clock is followed while it is within a day of that. A larger step is believed when it has stood, moving as the
/// monotonic clock does, for an hour.
final class Retention: Sendable {
    static let believedStep: Int64 = 24 * 3_600_000_000
    static let stableMicroseconds: UInt64 = 3_600_000_000
    private static let stableDrift: Int64 = 60_000_000

    private struct State {
        /// Believed wall time minus monotonic time.
        var offset: Int64
        /// A step that is not believed yet: its offset, and since when.
        var suspect: (offset: Int64, since: UInt64)?
        var tenants: [TenantOrdinal: Int] = [:]
    }

    let policy: RetentionPolicy
    /// Seconds; nil: everything is kept for ever.
    private let shortest: Int?
    private let clock: any Clock
    private let state: Mutex<State>

    init(_ policy: RetentionPolicy, clock: any Clock, watermark: Int64) {
        self.policy = policy
        shortest = (Array(policy.classes.values) + policy.tenants.values).filter { $0 > 0 }.min()
        self.clock = clock
        let wall = clock.now().microseconds
        let base = abs(wall - watermark) <= Self.believedStep ? wall : watermark
        state = Mutex(State(offset: base - Int64(clockReading: clock)))
    }

    /// The time that decides, in microseconds since 1970.
    func now() -> Int64 {
        let wall = clock.now().microseconds
        let monotonic = clock.monotonicMicroseconds()
        return state.withLock { s in
            let offset = wall - Int64(clamping: monotonic)
            if abs(offset - s.offset) <= Self.believedStep {
                s.offset = offset
                s.suspect = nil
            } else if let suspect = s.suspect, abs(suspect.offset - offset) <= Self.stableDrift {
                if monotonic - suspect.since >= Self.stableMicroseconds {
                    s.offset = offset
                    s.suspect = nil
                }
            } else {
                s.suspect = (offset, monotonic)
            }
            return s.offset + Int64(clamping: monotonic)
        }
    }

    /// Tenants of the policy by their numbers, looked up anew before each pass.
    func resolve(_ lookup: Lookup) throws(LogStoreError) {
        var resolved: [TenantOrdinal: Int] = [:]
        for (name, seconds) in policy.tenants {
            if let tenant = try lookup.tenant(named: name) { resolved[tenant] = seconds }
        }
        state.withLock { $0.tenants = resolved }
    }

    /// What is older has expired; nil: nothing ever does.
    func cutoff(_ retentionClass: UInt8, _ tenant: TenantOrdinal) -> Int64? {
        guard !policy.isEmpty else { return nil }
        let own = policy.tenants.isEmpty ? nil : state.withLock { $0.tenants[tenant] }
        let seconds = own ?? policy.classes[retentionClass] ?? 0
        return seconds > 0 ? now() - Int64(seconds) * 1_000_000 : nil
    }

    /// What is younger has not expired, whoever's it is.
    func latestCutoff() -> Int64 {
        shortest.map { now() - Int64($0) * 1_000_000 } ?? .min
    }

    /// What is older has expired whichever tenant of the class it is of; nil: some tenant keeps it for ever.
    func classCutoff(_ retentionClass: UInt8) -> Int64? {
        let seconds = [policy.classes[retentionClass] ?? 0] + policy.tenants.values
        guard !seconds.contains(where: { $0 <= 0 }), let longest = seconds.max() else { return nil }
        return now() - Int64(longest) * 1_000_000
    }
}

extension Int64 {
    fileprivate init(clockReading clock: any Clock) { self.init(clamping: clock.monotonicMicroseconds()) }
}
