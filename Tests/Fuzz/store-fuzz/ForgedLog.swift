import TestSupport

@testable import LogStore

/// A log with batches of somebody's choice and every hash right, opened as a store.
///
/// ## Steps
/// 1. The input is a list of batch bodies, each behind a length of two bytes. The store's own writer puts them into a log
///    file of an otherwise new store.
/// 2. Open. An error ends the run: it is a fine answer.
/// 3. Ask for everything that the batches name, flush, ask again, commit something, reopen, ask again.
///
/// Nothing is compared: what a forged log means is nobody's promise. Nothing may trap.
struct ForgedLog {
    private let bodies: [[UInt8]]

    private static let empty: [String: [UInt8]] = {
        let disk = SimulatedDisk()
        guard let store = try? open(disk) else { fatalError("no store on an empty disk") }
        try? store.close()
        return disk.contents().filter { !$0.key.hasSuffix(".wal") }
    }()

    private static var options: StoreOptions {
        var options = StoreOptions()
        options.reserveBytes = 0
        options.logReserveBytes = 4096
        options.softLimitBytes = 0
        options.cacheBytes = 1 << 18
        options.deletionGraceSeconds = 0
        return options
    }

    private static func open(_ disk: SimulatedDisk) throws(LogStoreError) -> LogStore {
        try LogStore.open(
            disk: disk, clock: SimulatedClock(), random: SplitMix64Random(seed: 1), options: options, execution: .inline
        )
    }

    /// nil if there is no body in the input.
    init?(_ input: [UInt8]) {
        var bodies: [[UInt8]] = []
        var rest = input[...]
        while rest.count >= 2, bodies.count < 64 {
            let count = Int(rest.removeFirst()) | Int(rest.removeFirst()) << 8
            bodies.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        guard !bodies.isEmpty else { return nil }
        self.bodies = bodies
    }

    func run() {
        let disk = SimulatedDisk(contents: Self.empty)
        guard let format = Self.empty[StoreFormat.name].flatMap({ try? StoreFormat.decode($0) }) else {
            fatalError("no FORMAT")
        }
        var continuation = LogWriter.Continuation(previousNumber: 0, lastLSN: .zero, lastHash: 0)
        continuation.relog = bodies.map { .init(bodies: [$0], time: 0) }
        guard
            let log = try? LogWriter(
                disk: disk, store: format.id.seed, epoch: 9, options: Self.options, number: 1, after: continuation,
                now: 0)
        else { return }
        withExtendedLifetime(log) {}
        let batches = bodies.compactMap { try? LoggedBatch(lsn: LSN(1), decoding: $0) }
        try? live(disk, batches)
    }

    private func live(_ disk: SimulatedDisk, _ batches: [LoggedBatch]) throws {
        let store = try Self.open(disk)
        ask(store, batches)
        try store.flush()
        ask(store, batches)
        try store.compact()
        ask(store, batches)
        var batch = Batch()
        let session = batch.createSession(id: "new", tenant: "t", user: "u")
        batch.append([1, 2, 3], to: session)
        try store.commit(batch)
        try store.close()
        let again = try Self.open(disk)
        ask(again, batches)
        try again.close()
    }

    private func ask(_ store: LogStore, _ batches: [LoggedBatch]) {
        for batch in batches {
            for change in batch.changes {
                switch change {
                case .tenantCreated(let tenant, let name), .tenantDeleted(let tenant, let name):
                    _ = try? store.tenant(named: name)
                    _ = try? store.tenantName(tenant)
                    _ = try? store.sessions(ofTenant: tenant, SessionQuery(limit: 5))
                    _ = try? store.documents(tenant: name, prefix: [], limit: 5)
                case .userCreated(let user, let name), .userDeleted(let user, let name):
                    _ = try? store.user(named: name, in: user.tenant)
                    _ = try? store.userName(user)
                    _ = try? store.sessions(of: user, SessionQuery(limit: 5))
                case .sessionCreated(let key, let id, _, _, _), .sessionDeleted(let key, let id):
                    _ = try? store.session(id: id, in: key.tenant)
                    ask(store, key)
                case .sessionUpdated(let key, _, _, _), .entryAppended(let key, _, _, _, _),
                    .entryDeleted(let key, _, _), .entryAmended(let key, _, _, _, _),
                    .idempotencyKeyUsed(let key, _, _, _), .sessionTimesSet(let key, _, _),
                    .entryTimesSet(let key, _, _, _):
                    ask(store, key)
                case .documentPut, .documentRemoved, .erasureOrdered, .erasureFinished, .holdSet, .annotated: break
                case .positionSet(let consumer, _): _ = try? store.position(of: consumer)
                }
            }
        }
        _ = try? store.changes(after: .zero, limit: 100)
        _ = try? store.erasures()
    }

    private func ask(_ store: LogStore, _ key: SessionKey) {
        _ = try? store.session(key)
        _ = try? store.state(of: key)
        _ = try? store.entries(of: key, .last(3))
        _ = try? store.entries(of: key, EntryQuery(limit: 100))
        _ = try? store.entries(of: key, EntryQuery(after: 2, before: .max, limit: 2))
        _ = try? store.sessions(of: key.owner, SessionQuery(sort: .createdAt, ascending: true, limit: 2))
    }
}
