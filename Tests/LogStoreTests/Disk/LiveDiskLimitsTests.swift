import Glibc
import LogStore
import TestSupport
import Testing

/// The errors that only a machine in trouble gives. Each test asks first whether it may bring the machine there.
@Suite("Live disk in trouble")
struct LiveDiskLimitsTests {
    /// A small file system in memory, mounted for one test.
    private final class SmallFileSystem {
        let directory = TemporaryDirectory()
        private typealias Mount =
            @convention(c) (
                UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<CChar>, CUnsignedLong, UnsafePointer<CChar>
            ) -> CInt
        private typealias Unmount = @convention(c) (UnsafePointer<CChar>, CInt) -> CInt

        init?(bytes: Int) {
            guard mount(flags: 0, options: "size=\(bytes)") else { return nil }
        }

        func makeReadOnly() -> Bool { mount(flags: 1 | 32, options: "") }  // MS_RDONLY | MS_REMOUNT

        private func mount(flags: CUnsignedLong, options: String) -> Bool {
            guard let symbol = dlsym(nil, "mount") else { return false }
            return unsafeBitCast(symbol, to: Mount.self)("tmpfs", directory.path, "tmpfs", flags, options) == 0
        }

        deinit {
            guard let symbol = dlsym(nil, "umount2") else { return }
            _ = unsafeBitCast(symbol, to: Unmount.self)(directory.path, 2)  // MNT_DETACH
        }

        static let isAvailable = SmallFileSystem(bytes: 65536) != nil
    }

    private func kind(_ body: () throws -> Void) -> DiskError.Kind? {
        do {
            try body()
            return nil
        } catch {
            return (error as? DiskError)?.kind
        }
    }

    @Test(.enabled(if: SmallFileSystem.isAvailable, "may not mount a file system"))
    func fullFileSystem() throws {
        let system = try #require(SmallFileSystem(bytes: 64 << 10))
        let disk = try LiveDisk(path: system.directory.path)
        let file = try disk.create("a")
        #expect(kind { try file.reserve(1 << 20) } == .noSpace)
        #expect(kind { try file.append([UInt8](repeating: 5, count: 1 << 20)) } == .noSpace)
        let written = file.size
        #expect(written > 0 && written <= 64 << 10, "what fitted is there, and counted")
        #expect(try file.readAll().allSatisfy { $0 == 5 })
        #expect(try disk.space().freeBytes == 0)
        try disk.lock()
        #expect(try disk.list().map(\.name) == ["a"], "a full disk can still be locked and read")
        try disk.unlink("a")
        file.close()
        #expect(kind { try disk.create("b").append([1]) } == nil, "and emptied")
    }

    @Test(.enabled(if: SmallFileSystem.isAvailable, "may not mount a file system"))
    func readOnlyFileSystem() throws {
        let system = try #require(SmallFileSystem(bytes: 64 << 10))
        do {
            let file = try LiveDisk(path: system.directory.path).create("a")
            try file.append([1])
        }
        #expect(system.makeReadOnly())
        let disk = try LiveDisk(path: system.directory.path)
        #expect(kind { _ = try disk.create("b") } == .readOnly)
        #expect(kind { try disk.unlink("a") } == .readOnly)
        #expect(kind { try disk.lock() } == .readOnly)
        #expect(try disk.open("a").readAll() == [1])
    }

    /// Runs `body` without the superuser's leave to ignore permission bits; nil if that cannot be had.
    private func asStranger<R>(_ body: () throws -> R) rethrows -> R? {
        if geteuid() != 0 { return try body() }
        typealias SetFileUser = @convention(c) (uid_t) -> CInt
        guard let symbol = dlsym(nil, "setfsuid") else { return nil }
        let setFileUser = unsafeBitCast(symbol, to: SetFileUser.self)
        // Holds for this thread alone, and only until it is set back: `body` does not suspend.
        _ = setFileUser(65534)
        defer { _ = setFileUser(0) }
        return try body()
    }

    @Test func directoryWithoutPermission() throws {
        let directory = TemporaryDirectory()
        let disk = try LiveDisk(path: directory.path)
        try disk.create("a").append([1])
        #expect(chmod(directory.path, 0o555) == 0)
        #expect(chmod(directory.path + "/a", 0o000) == 0)
        defer { chmod(directory.path, 0o700) }
        let kinds = asStranger {
            [
                kind { _ = try disk.create("b") }, kind { try disk.unlink("a") }, kind { try disk.lock() },
                kind { _ = try disk.open("a") },
                kind { _ = try LiveDisk(path: directory.path + "/sub", createIfMissing: true) },
            ]
        }
        if let kinds { #expect(kinds == [.permission, .permission, .permission, .permission, .permission]) }
    }
}
