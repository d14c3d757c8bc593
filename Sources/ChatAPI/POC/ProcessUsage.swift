internal import Glibc

/// What this process takes of the machine, as the kernel counts it. Reading it touches no disk.
struct ProcessUsage: Sendable {
    private(set) var residentBytes = 0
    /// Of the resident ones, those that files and other processes share.
    private(set) var sharedResidentBytes = 0
    /// Reserved for data and stacks, resident or not.
    private(set) var dataBytes = 0
    private(set) var userMicroseconds = 0
    private(set) var systemMicroseconds = 0

    var privateResidentBytes: Int { residentBytes - sharedResidentBytes }

    init() {
        // /proc/self/statm: size resident shared text lib data dt, in pages.
        let pages = Self.numbers("/proc/self/statm")
        let pageBytes = sysconf(Int32(_SC_PAGESIZE))
        if pages.count >= 6 {
            residentBytes = pages[1] * pageBytes
            sharedResidentBytes = pages[2] * pageBytes
            dataBytes = pages[5] * pageBytes
        }
        var usage = rusage()
        if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            userMicroseconds = usage.ru_utime.tv_sec * 1_000_000 + Int(usage.ru_utime.tv_usec)
            systemMicroseconds = usage.ru_stime.tv_sec * 1_000_000 + Int(usage.ru_stime.tv_usec)
        }
    }

    static var architecture: String {
        #if arch(arm64)
        "arm64"
        #else
        "x64"
        #endif
    }

    private static func numbers(_ path: String) -> [Int] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return [] }
        return bytes[..<count].split { $0 == 0x20 || $0 == 0x0A }.compactMap {
            Int(String(decoding: $0, as: UTF8.self))
        }
    }
}
