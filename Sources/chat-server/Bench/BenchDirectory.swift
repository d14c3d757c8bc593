internal import Glibc
internal import LogStore

/// The directory that a benchmark works in: new, below one that the user named, and gone afterwards.
///
/// Nothing that was there is opened, and a data directory is refused as the place: whoever points the tool at their store
/// by mistake finds it as it was.
struct BenchDirectory: Sendable {
    let path: String

    /// - Throws: `usage` when `place` is a store, `failure` when nothing can be made there.
    init(below place: String) throws(CommandFailure) {
        let directory = FlatDirectory(place)
        do throws(DiskError) {
            // Made with its parents if it is missing, and let go again.
            _ = try LiveDisk(path: directory.path, createIfMissing: true)
            guard try directory.status("FORMAT") == nil else {
                throw DiskError(.exists, operation: "use", file: "FORMAT")
            }
        } catch {
            guard error.kind == .exists else { throw CommandFailure(error, directory: place) }
            throw CommandFailure(
                .usage, "\(place) is a data directory; bench needs one on the same disk that holds no store")
        }
        var template = Array("\(directory.path)/chat-bench-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw CommandFailure(.failure, "\(place): nothing can be made there: \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes it with everything in it. What is in it has been made by this process: files, and directories of files.
    func remove() throws(CommandFailure) {
        try Self.remove(FlatDirectory(path))
    }

    private static func remove(_ directory: FlatDirectory) throws(CommandFailure) {
        do throws(DiskError) {
            for name in try directory.names() {
                if let status = try directory.status(name), status.isDirectory { continue }
                try directory.remove(name)
            }
        } catch { throw CommandFailure(error, directory: directory.path) }
        let rest: [String]
        do throws(DiskError) { rest = try directory.names() } catch {
            throw CommandFailure(error, directory: directory.path)
        }
        for name in rest { try remove(FlatDirectory(directory.fullPath(name))) }
        guard rmdir(directory.path) == 0 else {
            throw CommandFailure(.failure, "\(directory.path) stays: \(String(cString: strerror(errno)))")
        }
    }
}
