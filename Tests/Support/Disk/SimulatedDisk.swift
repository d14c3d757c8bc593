package import LogStore
internal import Synchronization

/// A directory in memory that fails and crashes on demand, exactly and repeatably.
///
/// Operations that change something (`DiskOperation.Kind`) are numbered from 1 in the order in which they begin; reads,
/// opens and lists are numbered apart. `crash(at:)` lets operation k happen and never return: it and everything after it
/// throws. `crashStates()` then gives every directory that a power cut or a killed process could leave; each is a fresh
/// `SimulatedDisk` from which recovery can run, and which can crash again.
///
/// Safe to use from any thread. The persistence model is told in `DirectoryImage`.
package final class SimulatedDisk: Disk {
    /// The smallest unit that the disk writes in one piece.
    package static let sectorBytes = 512

    struct State {
        var image: DirectoryImage
        var statistics = DiskStatistics()
        var history: [DiskOperation] = []
        var observations = 0
        var isLocked = false

        var crashPoint: Int?
        var crash: CrashMoment?
        var failures: [Int: OperationFailure] = [:]
        var persistentFailure: (from: Int, failure: OperationFailure)?
        var observationFailures: [Int: DiskError.Kind] = [:]
        var persistentObservationFailure: (from: Int, kind: DiskError.Kind)?
        var readFaults: [String: [ReadFault]] = [:]
        var directorySyncReportsFailure = false

        var droppedBarriers: Set<Barrier> = []
        var capacityBytes: UInt64?
        var hook: (@Sendable (Int, DiskOperation) -> Void)?
    }

    /// What stood on the disk around the operation that did not return.
    struct CrashMoment: Sendable {
        var operation: Int
        /// As it was when the operation began.
        var before: DirectoryImage
        /// Half-way through an append.
        var half: DirectoryImage?
        /// As if it had been done, un-synced.
        var after: DirectoryImage
    }

    let state: Mutex<State>
    /// How this disk came about: "new", or the crash variants that led to it, newest last. Enough to find it again.
    package let origin: String

    package init(capacityBytes: UInt64? = nil) {
        state = Mutex(State(image: DirectoryImage(), capacityBytes: capacityBytes))
        origin = "new"
    }

    /// A disk that holds these files durably. They get their identities in the order of their names.
    package init(contents: [String: [UInt8]], capacityBytes: UInt64? = nil) {
        var image = DirectoryImage()
        for name in contents.keys.sorted() {
            let identity = image.create(name)
            image.append(contents[name]![...], to: identity)
        }
        state = Mutex(State(image: image.settled(), capacityBytes: capacityBytes))
        origin = "contents"
    }

    init(image: DirectoryImage, droppedBarriers: Set<Barrier>, capacityBytes: UInt64?, origin: String) {
        var fresh = State(image: image, capacityBytes: capacityBytes)
        fresh.droppedBarriers = droppedBarriers
        state = Mutex(fresh)
        self.origin = origin
    }

    // MARK: Disk

    package var path: String { "simulated (\(origin))" }

    package func create(_ name: String) throws(DiskError) -> any DiskFile {
        let operation = DiskOperation(kind: .create, file: name)
        runHook(operation)
        let identity = try state.withLock { (state) throws(DiskError) -> UInt64 in
            switch try state.begin(operation) {
            case .fail(let failure): throw state.error(failure.kind, operation)
            case .crash(let before):
                if before.names[name] == nil { _ = state.image.create(name) }
                throw state.crashed(before: before, operation)
            case .proceed:
                if state.image.names[name] != nil { throw state.error(.exists, operation) }
                let identity = state.image.create(name)
                state.image.files[identity]!.openHandles = 1
                return identity
            }
        }
        return SimulatedFile(self, name: name, identity: identity, isWritable: true)
    }

    package func open(_ name: String) throws(DiskError) -> any DiskFile {
        let identity = try state.withLock { (state) throws(DiskError) -> UInt64 in
            state.statistics.opens += 1
            try state.observe("open", name)
            guard let identity = state.image.names[name] else {
                throw DiskError(.notFound, operation: "open", file: name, detail: "no such file")
            }
            state.image.files[identity]!.openHandles += 1
            return identity
        }
        return SimulatedFile(self, name: name, identity: identity, isWritable: false)
    }

    package func list() throws(DiskError) -> [DiskEntry] {
        try state.withLock { (state) throws(DiskError) -> [DiskEntry] in
            state.statistics.lists += 1
            try state.observe("list", "")
            // Sorted, because a dictionary's order differs from run to run.
            return state.image.names.keys.sorted().map { name in
                DiskEntry(name: name, size: UInt64(state.visibleSize(name)))
            }
        }
    }

    package func giveBackReserve(of name: String) {
        state.withLock { state in
            guard let identity = state.image.names[name] else { return }
            state.image.files[identity]!.reserved = 0
        }
    }

    package func unlink(_ name: String) throws(DiskError) {
        let operation = DiskOperation(kind: .unlink, file: name)
        runHook(operation)
        try state.withLock { (state) throws(DiskError) in
            switch try state.begin(operation) {
            case .fail(let failure): throw state.error(failure.kind, operation)
            case .crash(let before):
                state.image.unlink(name)
                throw state.crashed(before: before, operation)
            case .proceed:
                if state.image.names[name] == nil { throw state.error(.notFound, operation) }
                state.image.unlink(name)
            }
        }
    }

    package func syncDirectory(_ barrier: Barrier) throws(DiskError) {
        let operation = DiskOperation(kind: .syncDirectory, file: ".", barrier: barrier)
        runHook(operation)
        try state.withLock { (state) throws(DiskError) in
            switch try state.begin(operation) {
            case .crash(let before): throw state.crashed(before: before, operation)
            case .fail(.syncKeepsCache):
                state.image.forgetPendingNames()
                throw state.error(.io, operation)
            case .fail(.syncReverts):
                state.image.names = state.image.durableNames
                state.image.forgetPendingNames()
                throw state.error(.io, operation)
            case .fail(.syncReportsLater):
                state.image.forgetPendingNames()
                state.directorySyncReportsFailure = true
            case .fail(let failure): throw state.error(failure.kind, operation)
            case .proceed:
                if state.directorySyncReportsFailure {
                    state.directorySyncReportsFailure = false
                    throw state.error(.io, operation)
                }
                if !state.droppedBarriers.contains(barrier) { state.image.syncNames() }
            }
        }
    }

    package func space() throws(DiskError) -> DiskSpace {
        try state.withLock { (state) throws(DiskError) -> DiskSpace in
            if let crash = state.crash { throw crash.error("space", "") }
            let total = state.capacityBytes ?? 1 << 40
            let used = state.image.usedBytes
            return DiskSpace(freeBytes: used < total ? total - used : 0, totalBytes: total)
        }
    }

    package func lock() throws(DiskError) {
        try state.withLock { (state) throws(DiskError) in
            if let crash = state.crash { throw crash.error("lock", "") }
            if state.isLocked {
                throw DiskError(.locked, operation: "lock", file: "LOCK", detail: "another user of this disk")
            }
            state.isLocked = true
        }
    }

    package func unlock() { state.withLock { $0.isLocked = false } }

    /// Called before the operation, outside the lock: the hook may wait, and may look at the disk.
    func runHook(_ operation: DiskOperation) {
        let (hook, number) = state.withLock { ($0.hook, $0.history.count + 1) }
        hook?(number, operation)
    }
}

extension SimulatedDisk.CrashMoment {
    func error(_ operation: String, _ file: String) -> DiskError {
        DiskError(.io, operation: operation, file: file, detail: "the simulated machine is off")
    }
}

extension SimulatedDisk.State {
    enum Outcome {
        case proceed
        case fail(OperationFailure)
        /// The operation is to take effect in the cache, and then `crashed(before:_:)` to be thrown.
        case crash(before: DirectoryImage)
    }

    /// Numbers and counts an operation and decides what becomes of it.
    mutating func begin(_ operation: DiskOperation) throws(DiskError) -> Outcome {
        if let crash { throw crash.error(operation.kind.rawValue, operation.file) }
        history.append(operation)
        statistics.operations[operation.kind, default: 0] += 1
        if let barrier = operation.barrier { statistics.barriers[barrier, default: 0] += 1 }
        let number = history.count
        if number == crashPoint { return .crash(before: image) }
        if let failure = failures[number] { return .fail(failure) }
        if let persistent = persistentFailure, number >= persistent.from { return .fail(persistent.failure) }
        return .proceed
    }

    /// Numbers an open, read or list, and throws if that one is to fail.
    mutating func observe(_ operation: String, _ file: String) throws(DiskError) {
        if let crash { throw crash.error(operation, file) }
        observations += 1
        var kind = observationFailures[observations]
        if let persistent = persistentObservationFailure, observations >= persistent.from { kind = persistent.kind }
        if let kind { throw DiskError(kind, operation: operation, file: file, errno: 5, detail: "injected") }
    }

    mutating func crashed(before: DirectoryImage, half: DirectoryImage? = nil, _ operation: DiskOperation) -> DiskError
    {
        let moment = SimulatedDisk.CrashMoment(operation: history.count, before: before, half: half, after: image)
        crash = moment
        return moment.error(operation.kind.rawValue, operation.file)
    }

    func error(_ kind: DiskError.Kind, _ operation: DiskOperation) -> DiskError {
        DiskError(
            kind, operation: operation.kind.rawValue, file: operation.file, errno: kind == .noSpace ? 28 : 5,
            detail: "simulated at operation \(history.count)")
    }

    /// Bytes that may still be allocated.
    var freeBytes: UInt64 {
        guard let capacityBytes else { return .max }
        let used = image.usedBytes
        return used < capacityBytes ? capacityBytes - used : 0
    }

    /// The file as reads see it, faults included.
    func visibleContent(_ name: String, _ identity: UInt64) -> [UInt8] {
        var content = image.files[identity]?.cache ?? []
        for fault in readFaults[name] ?? [] {
            fault.apply(to: &content) { other in image.names[other].flatMap { image.files[$0]?.cache } }
        }
        return content
    }

    func visibleSize(_ name: String) -> Int {
        guard let identity = image.names[name] else { return 0 }
        guard readFaults[name] != nil else { return image.files[identity]?.cache.count ?? 0 }
        return visibleContent(name, identity).count
    }
}
