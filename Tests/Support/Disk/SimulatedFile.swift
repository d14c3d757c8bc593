internal import LogStore
internal import Synchronization

/// One open file of a `SimulatedDisk`. Handles of one file share its image.
final class SimulatedFile: DiskFile {
    let name: String
    let identity: UInt64
    private let disk: SimulatedDisk
    private let isWritable: Bool
    private let isClosed = Atomic<Bool>(false)

    init(_ disk: SimulatedDisk, name: String, identity: UInt64, isWritable: Bool) {
        self.disk = disk
        self.name = name
        self.identity = identity
        self.isWritable = isWritable
    }

    deinit { close() }

    var size: UInt64 {
        disk.state.withLock { state in
            guard state.readFaults[name] != nil else {
                return UInt64(state.image.files[identity]?.cache.count ?? 0)
            }
            return UInt64(state.visibleContent(name, identity).count)
        }
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError) {
        checkWritable()
        let content = Array(bytes)
        let operation = DiskOperation(kind: .append, file: name, bytes: content.count)
        disk.runHook(operation)
        try disk.state.withLock { (state) throws(DiskError) in
            let outcome = try state.begin(operation)
            switch outcome {
            case .fail(.partialAppend(let count, let kind)):
                _ = state.append(content.prefix(max(0, count)), to: identity)
                throw state.error(kind, operation)
            case .fail(let failure):
                throw state.error(failure.kind, operation)
            case .crash(let before):
                var half = before
                half.append(content.prefix(content.count / 2), to: identity)
                _ = state.append(content[...], to: identity)
                throw state.crashed(before: before, half: half, operation)
            case .proceed:
                if !state.append(content[...], to: identity) { throw state.error(.noSpace, operation) }
            }
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError) -> Int {
        checkOpen()
        let wanted = buffer.count
        let bytes = try disk.state.withLock { (state) throws(DiskError) -> [UInt8] in
            state.statistics.reads += 1
            try state.observe("read", name)
            return try state.read(name, identity, offset: Int(clamping: offset), count: wanted)
        }
        buffer.copyBytes(from: bytes)
        return bytes.count
    }

    func sync(_ barrier: Barrier) throws(DiskError) {
        checkOpen()
        let operation = DiskOperation(kind: .sync, file: name, barrier: barrier)
        disk.runHook(operation)
        try disk.state.withLock { (state) throws(DiskError) in
            let outcome = try state.begin(operation)
            switch outcome {
            case .crash(let before): throw state.crashed(before: before, operation)
            case .fail(.syncKeepsCache):
                state.image.files[identity]!.pending = []
                throw state.error(.io, operation)
            case .fail(.syncReverts):
                state.image.files[identity]!.revert()
                throw state.error(.io, operation)
            case .fail(.syncReportsLater):
                state.image.files[identity]!.pending = []
                state.image.files[identity]!.reportsFailureOnNextSync = true
            case .fail(let failure): throw state.error(failure.kind, operation)
            case .proceed:
                if state.image.files[identity]!.reportsFailureOnNextSync {
                    state.image.files[identity]!.reportsFailureOnNextSync = false
                    throw state.error(.io, operation)
                }
                if !state.droppedBarriers.contains(barrier) { state.image.files[identity]!.sync() }
            }
        }
    }

    func reserve(_ bytes: UInt64) throws(DiskError) {
        checkWritable()
        let operation = DiskOperation(kind: .reserve, file: name, bytes: Int(clamping: bytes))
        disk.runHook(operation)
        try disk.state.withLock { (state) throws(DiskError) in
            switch try state.begin(operation) {
            case .crash(let before): throw state.crashed(before: before, operation)
            case .fail(let failure): throw state.error(failure.kind, operation)
            case .proceed:
                let allocated = state.image.files[identity]!.allocatedBytes
                if bytes > allocated {
                    if bytes - allocated > state.freeBytes { throw state.error(.noSpace, operation) }
                    state.image.files[identity]!.reserved = bytes
                }
            }
        }
    }

    /// There is no cache to drop: the simulated one is the file.
    func dropCache() { checkOpen() }
    func willRead(_ range: Range<UInt64>) { checkOpen() }

    func close() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        disk.state.withLock { state in
            guard state.image.files[identity] != nil else { return }
            state.image.files[identity]!.openHandles -= 1
            if isWritable { state.image.files[identity]!.reserved = 0 }
            state.image.collect(identity)
        }
    }

    private func checkOpen() {
        precondition(!isClosed.load(ordering: .acquiring), "\(name) is closed")
    }

    private func checkWritable() {
        checkOpen()
        precondition(isWritable, "\(name) was opened for reading")
    }
}

extension SimulatedDisk.State {
    /// Appends as much as there is room for. Returns whether that was everything.
    mutating func append(_ bytes: ArraySlice<UInt8>, to identity: UInt64) -> Bool {
        let unused = image.files[identity]!.allocatedBytes - UInt64(image.files[identity]!.cache.count)
        let (room, overflow) = unused.addingReportingOverflow(freeBytes)
        let count = overflow ? bytes.count : min(bytes.count, Int(clamping: room))
        image.append(bytes.prefix(count), to: identity)
        statistics.bytesAppended += count
        return count == bytes.count
    }

    func read(_ name: String, _ identity: UInt64, offset: Int, count: Int) throws(DiskError) -> [UInt8] {
        guard let faults = readFaults[name] else {
            let cache = image.files[identity]?.cache ?? []
            let start = min(offset, cache.count)
            return Array(cache[start..<min(cache.count, start + count)])
        }
        let content = visibleContent(name, identity)
        let start = min(offset, content.count)
        var end = min(content.count, start + count)
        for fault in faults {
            switch fault {
            case .ioError(let at, let length) where start < at + length && at < end:
                throw DiskError(.io, operation: "read", file: name, errno: 5, detail: "simulated at offset \(at)")
            case .shortRead(let at) where end > at:
                end = max(start, at)
            default:
                break
            }
        }
        return Array(content[start..<end])
    }
}
