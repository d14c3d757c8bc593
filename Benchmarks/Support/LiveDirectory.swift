internal import Glibc

/// What a benchmark does to directories of stores that are not its own.
package enum LiveDirectory {
    package static func make(_ path: String) -> Bool { mkdir(path, 0o700) == 0 || errno == EEXIST }

    package static func files(_ path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append("\(path)/\(name)") }
        }
        return names.sorted()
    }

    /// Blocks that its files occupy, in bytes, without those of which `ignores` is true.
    package static func bytesOnDisk(_ path: String, ignoring ignores: (String) -> Bool = { _ in false }) -> UInt64 {
        files(path).filter { !ignores($0) }.reduce(0) { sum, file in
            var status = stat()
            return stat(file, &status) == 0 ? sum + UInt64(status.st_blocks) * 512 : sum
        }
    }

    /// Makes the kernel forget the pages of its files, which must be written and unmapped.
    package static func dropPages(_ path: String) {
        for file in files(path) {
            let descriptor = open(file, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            fdatasync(descriptor)
            posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
            close(descriptor)
        }
    }
}
