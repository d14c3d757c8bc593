internal import Glibc
internal import Synchronization

/// One open file of a `LiveDisk`.
///
/// Reads may run on any thread at any time; appends come from one thread, as the engine has one writer a file.
final class LiveDiskFile: DiskFile {
    let name: String
    let identity: UInt64
    private let descriptor: CInt
    private let isWritable: Bool
    private let appended: Atomic<UInt64>
    private let reserved = Atomic<UInt64>(0)
    private let isClosed = Atomic<Bool>(false)

    /// Takes `descriptor` over, also when it throws.
    init(_ descriptor: CInt, name: String, isWritable: Bool) throws(SystemCallError) {
        let metadata: SystemCalls.Metadata
        do throws(SystemCallError) {
            metadata = try SystemCalls.metadata(of: descriptor)
            if !metadata.isRegularFile { throw SystemCallError(errno: EINVAL) }
        } catch {
            SystemCalls.close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.name = name
        self.isWritable = isWritable
        identity = metadata.inode
        appended = Atomic(metadata.size)
    }

    deinit { close() }

    var size: UInt64 { appended.load(ordering: .acquiring) }

    func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError) {
        checkWritable()
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            do throws(SystemCallError) {
                let count = unsafe try SystemCalls.write(descriptor, rest)
                appended.wrappingAdd(UInt64(count), ordering: .releasing)
                unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } catch {
                throw DiskError(error, operation: "append", file: name)
            }
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError) -> Int {
        checkOpen()
        var done = 0
        while done < buffer.count {
            do throws(SystemCallError) {
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
                let count = unsafe try SystemCalls.read(descriptor, into: rest, at: offset + UInt64(done))
                if count == 0 { break }
                done += count
            } catch {
                throw DiskError(error, operation: "read", file: name)
            }
        }
        return done
    }

    func sync(_ barrier: Barrier) throws(DiskError) {
        checkOpen()
        do throws(SystemCallError) {
            try SystemCalls.syncData(descriptor)
        } catch {
            throw DiskError(error, operation: "sync (\(barrier.rawValue))", file: name)
        }
    }

    func reserve(_ bytes: UInt64) throws(DiskError) {
        checkWritable()
        do throws(SystemCallError) {
            try SystemCalls.reserve(descriptor, bytes: bytes)
            reserved.store(bytes, ordering: .relaxed)
        } catch {
            // A file system without preallocation can only be asked what is free now.
            guard error.errno == EOPNOTSUPP else { throw DiskError(error, operation: "reserve", file: name) }
            try checkFreeSpace(bytes)
        }
    }

    private func checkFreeSpace(_ bytes: UInt64) throws(DiskError) {
        do throws(SystemCallError) {
            let space = try SystemCalls.space(descriptor)
            let missing = bytes > size ? bytes - size : 0
            if space.freeBytes < missing { throw SystemCallError(errno: ENOSPC) }
        } catch {
            throw DiskError(error, operation: "reserve", file: name)
        }
    }

    func willRead(_ range: Range<UInt64>) {
        checkOpen()
        SystemCalls.adviseNeeded(descriptor, range)
    }

    func dropCache() {
        checkOpen()
        SystemCalls.adviseNotNeeded(descriptor)
    }

    func close() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        // Setting the size to what it is gives the unused reservation back and changes no byte; without it every sealed
        // log would hold a whole log's blocks. Failing costs space only.
        let size = size
        if reserved.load(ordering: .relaxed) > size { try? SystemCalls.setSize(descriptor, size) }
        SystemCalls.close(descriptor)
    }

    private func checkOpen() {
        precondition(!isClosed.load(ordering: .acquiring), "\(name) is closed")
    }

    private func checkWritable() {
        checkOpen()
        precondition(isWritable, "\(name) was opened for reading")
    }
}
