internal import Synchronization

/// Whether the disk has room for appends, as `StoreState.isAcceptingAppends` says it to everybody.
///
/// The committer looks before groups, now and then; whoever asks for the store's condition looks too, because on a full
/// disk nobody may be sending groups. Any thread may look.
final class SpaceWatch: Sendable {
    private let box: StateBox
    private let clock: any Clock
    private let disk: any Disk
    private let options: StoreOptions
    private let report: @Sendable (StoreEvent) -> Void
    /// In monotonic microseconds; 0: never.
    private let lookedAt = Atomic<UInt64>(0)

    static let interval: UInt64 = 1_000_000

    init(
        box: StateBox, clock: any Clock, disk: any Disk, options: StoreOptions,
        report: @escaping @Sendable (StoreEvent) -> Void
    ) {
        self.box = box
        self.clock = clock
        self.disk = disk
        self.options = options
        self.report = report
    }

    /// Looks if nobody has for an interval.
    func refresh() {
        let (now, last) = (clock.monotonicMicroseconds(), lookedAt.load(ordering: .relaxed))
        if last == 0 || now &- last > Self.interval { _ = look() }
    }

    /// - Returns: whether appends are to be refused; nil if the disk does not say.
    func look() -> Bool? {
        lookedAt.store(max(1, clock.monotonicMicroseconds()), ordering: .relaxed)
        guard let space = try? disk.space() else { return nil }
        let limit = min(options.softLimitBytes, space.totalBytes / 100 * UInt64(options.softLimitPercent))
        let isLow = space.freeBytes < limit
        let wasLow = box.lock.withLock { s in
            defer {
                s.space = space
                s.isAcceptingAppends = !isLow
            }
            return !s.isAcceptingAppends
        }
        if isLow && !wasLow { report(.spaceLow(freeBytes: space.freeBytes)) }
        if !isLow && wasLow { report(.spaceRecovered(freeBytes: space.freeBytes)) }
        return isLow
    }
}
