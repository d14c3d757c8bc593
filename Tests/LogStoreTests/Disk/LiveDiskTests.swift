import Glibc
import LogStore
import TestSupport
import Testing

@Suite("Live disk")
struct LiveDiskTests {
    let directory = TemporaryDirectory()

    private func failure(_ body: () throws -> Void) -> DiskError? {
        do {
            try body()
            return nil
        } catch {
            return error as? DiskError
        }
    }

    private func mode(_ path: String) -> mode_t {
        var raw = stat()
        return lstat(path, &raw) == 0 ? raw.st_mode & 0o7777 : 0
    }

    @Test func writesAndReadsBack() throws {
        let disk = try LiveDisk(path: directory.path)
        let file = try disk.create("a")
        #expect(file.size == 0)
        try file.append([1, 2, 3])
        try file.append([])
        try file.append([4])
        #expect(file.size == 4)
        #expect(try file.readAll() == [1, 2, 3, 4])
        #expect(try file.read(10, at: 2) == [3, 4])
        #expect(try file.read(10, at: 4) == [])
        #expect(try file.read(10, at: 1 << 40) == [])
        try file.sync(.logGroup)
        try disk.syncDirectory(.logDirectory)
        file.close()
        file.close()

        let reader = try LiveDisk(path: directory.path).open("a")
        #expect(reader.name == "a")
        #expect(reader.size == 4)
        #expect(reader.identity == file.identity)
        #expect(try reader.readAll() == [1, 2, 3, 4])
        try reader.sync(.openLog)
        reader.dropCache()
        #expect(try reader.readAll() == [1, 2, 3, 4])
    }

    @Test func appendsMoreThanOneCallTakes() throws {
        let file = try LiveDisk(path: directory.path).create("big")
        let bytes = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        try file.append(bytes)
        #expect(file.size == UInt64(bytes.count))
        #expect(try file.readAll() == bytes)
    }

    @Test func filesAndDirectoriesBelongToTheirOwnerAlone() throws {
        let path = directory.path + "/made/deeper/"
        let disk = try LiveDisk(path: path, createIfMissing: true)
        _ = try disk.create("a")
        try disk.lock()
        #expect(mode(directory.path + "/made") == 0o700)
        #expect(mode(directory.path + "/made/deeper") == 0o700)
        #expect(mode(path + "a") == 0o600)
        #expect(mode(path + LiveDisk.lockName) == 0o600)
        #expect(failure { _ = try LiveDisk(path: path, createIfMissing: true) } == nil, "existing is fine")
    }

    @Test func errorsNameOperationFileAndReason() throws {
        let disk = try LiveDisk(path: directory.path)
        _ = try disk.create("a")
        let exists = try #require(failure { _ = try disk.create("a") })
        #expect((exists.kind, exists.operation, exists.file, exists.errno) == (.exists, "create", "a", EEXIST))
        let missing = try #require(failure { _ = try disk.open("b") })
        #expect((missing.kind, missing.operation, missing.file) == (.notFound, "open", "b"))
        #expect(missing.detail == "No such file or directory")
        #expect(failure { try disk.unlink("b") }?.kind == .notFound)
        #expect(failure { _ = try LiveDisk(path: directory.path + "/none") }?.kind == .notFound)
        #expect(failure { _ = try LiveDisk(path: directory.path + "/none/x/y") }?.kind == .notFound)
        let file = failure { _ = try LiveDisk(path: directory.path + "/a", createIfMissing: true) }
        #expect((file?.kind, file?.errno) == (.io, ENOTDIR))
    }

    @Test(arguments: [
        (ENOENT, DiskError.Kind.notFound), (EEXIST, .exists), (ENOSPC, .noSpace), (EDQUOT, .noSpace),
        (EROFS, .readOnly), (EACCES, .permission), (EPERM, .permission), (EIO, .io), (EFBIG, .io), (EMFILE, .io),
    ])
    func errorNumbersMapToKinds(_ code: Int32, _ kind: DiskError.Kind) {
        let error = DiskError(errno: code, operation: "append", file: "a")
        #expect((error.kind, error.errno) == (kind, code))
        #expect(!error.detail.isEmpty)
    }

    @Test func listsRegularFilesOnly() throws {
        let disk = try LiveDisk(path: directory.path)
        #expect(try disk.list() == [])
        try disk.create("a").append([1, 2])
        _ = try disk.create("b")
        try disk.lock()
        #expect(mkdir(directory.path + "/sub", 0o700) == 0)
        #expect(symlink("a", directory.path + "/link") == 0)
        #expect(mkfifo(directory.path + "/fifo", 0o600) == 0)
        let found = try disk.list().sorted { $0.name < $1.name }
        #expect(found.map(\.name) == ["a", "b"] && found.map(\.size) == [2, 0])
        #expect(found.allSatisfy { $0.modifiedAt > 1_700_000_000_000_000 })
        #expect(failure { _ = try disk.open("link") }?.errno == ELOOP, "links are not followed")
        #expect(failure { _ = try disk.open("fifo") }?.kind == .io, "and nothing waits for a FIFO's other end")
        #expect(failure { _ = try disk.open("sub") }?.kind == .io)
    }

    @Test func unlinkedFileGoesOnForItsHandles() throws {
        let disk = try LiveDisk(path: directory.path)
        let file = try disk.create("a")
        try file.append([1, 2])
        try disk.unlink("a")
        try disk.syncDirectory(.manifestDirectory)
        #expect(try disk.list() == [])
        #expect(try file.readAll() == [1, 2])
    }

    @Test func movedDirectoryStaysTheSameDisk() throws {
        let path = directory.path + "/one"
        let disk = try LiveDisk(path: path, createIfMissing: true)
        #expect(rename(path, directory.path + "/two") == 0)
        _ = try disk.create("a")
        #expect(try LiveDisk(path: directory.path + "/two").list().map(\.name) == ["a"])
    }

    @Test func reservingKeepsTheSizeAndClosingGivesTheRestBack() throws {
        let disk = try LiveDisk(path: directory.path)
        let file = try disk.create("a")
        func blocks() -> Int {
            var raw = stat()
            return lstat(directory.path + "/a", &raw) == 0 ? raw.st_blocks : -1
        }
        try file.reserve(1 << 20)
        #expect(file.size == 0)
        #expect(try disk.list().map(\.size) == [0])
        let reserved = blocks()
        try file.append([7, 7, 7])
        try file.sync(.logGroup)
        file.close()
        // A file system without preallocation reports no blocks, and there is nothing to give back.
        if reserved > 0 {
            #expect(reserved >= 2048)
            #expect(blocks() < 64)
        }
        #expect(try disk.open("a").readAll() == [7, 7, 7])
    }

    @Test func spaceIsThatOfTheFileSystem() throws {
        let space = try LiveDisk(path: directory.path).space()
        #expect(space.totalBytes > 0)
        #expect(space.freeBytes <= space.totalBytes)
    }

    @Test func descriptorsStayClearOfStandardStreamsAndOfChildren() throws {
        let disk = try LiveDisk(path: directory.path)
        let file = try disk.create("a")
        try disk.lock()
        var seen: [String] = []
        // Other tests of this process may hold thousands.
        for descriptor in 0..<CInt(65_536) {
            var target = [UInt8](repeating: 0, count: 4096)
            let count = target.withUnsafeMutableBytes {
                readlink("/proc/self/fd/\(descriptor)", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
            }
            guard count > 0 else { continue }
            let name = String(decoding: target.prefix(count), as: UTF8.self)
            guard name.hasPrefix(directory.path) else { continue }
            seen.append(String(name.dropFirst(directory.path.count)))
            #expect(descriptor > 2)
            #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0, "\(name) would leak into a child")
        }
        #expect(seen.sorted() == ["", "/LOCK", "/a"])
        file.close()
    }

    @Suite("Lock")
    struct Lock {
        let directory = TemporaryDirectory()

        @Test func oneHolderAtATime() throws {
            let first = try LiveDisk(path: directory.path)
            let second = try LiveDisk(path: directory.path)
            try first.lock()
            let error = #expect(throws: DiskError.self) { try second.lock() }
            #expect(error?.kind == .locked)
            #expect(error?.detail.hasPrefix("pid \(getpid()) on ") == true, "the message names the holder")
            first.unlock()
            first.unlock()
            try second.lock()
            #expect(throws: DiskError.self) { try first.lock() }
        }

        @Test func aLockOfAnyOtherDescriptorCounts() throws {
            let disk = try LiveDisk(path: directory.path)
            let descriptor = open(directory.path + "/" + LiveDisk.lockName, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
            let error = #expect(throws: DiskError.self) { try disk.lock() }
            #expect(error?.detail == "another process", "an empty file names nobody")
            close(descriptor)
            try disk.lock()
        }

        @Test func closingTheDiskFreesItAndStaleTextIsReplaced() throws {
            let path = directory.path + "/" + LiveDisk.lockName
            let stale = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            let text = [UInt8](repeating: 0x39, count: 200)
            #expect(write(stale, text, text.count) == text.count)
            close(stale)
            do {
                let disk = try LiveDisk(path: directory.path)
                try disk.lock()
            }
            let disk = try LiveDisk(path: directory.path)
            try disk.lock()
            let other = try LiveDisk(path: directory.path)
            let error = #expect(throws: DiskError.self) { try other.lock() }
            #expect(error?.detail.contains("9999") == false)
        }

        @Test func otherFilesMayBeClosedWithoutLosingIt() throws {
            // What record locks get wrong: closing any descriptor of the file drops them.
            let disk = try LiveDisk(path: directory.path)
            try disk.lock()
            close(open(directory.path + "/" + LiveDisk.lockName, O_RDONLY))
            #expect(throws: DiskError.self) { try LiveDisk(path: directory.path).lock() }
        }
    }
}
