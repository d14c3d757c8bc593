/// A directory for reading in which some files are another directory's.
///
/// It is how a backup is looked at without a trace, and how a repair is tried before a file is touched. Syncs are left
/// out: who only reads has nothing to make durable, and a read-only medium refuses them.
struct OverlayDisk: Disk {
    let base: any Disk
    /// File name to the disk that has it instead of `base`.
    var replacements: [String: any Disk] = [:]

    var path: String { base.path }

    func list() throws(DiskError) -> [DiskEntry] {
        var entries = try base.list().filter { replacements[$0.name] == nil }
        for (name, disk) in replacements.sorted(by: { $0.key < $1.key }) {
            if let entry = try disk.list().first(where: { $0.name == name }) { entries.append(entry) }
        }
        return entries
    }

    func open(_ name: String) throws(DiskError) -> any DiskFile {
        ReadOnlyFile(file: try (replacements[name] ?? base).open(name))
    }

    func space() throws(DiskError) -> DiskSpace { try base.space() }
    func giveBackReserve(of name: String) {}
    func lock() throws(DiskError) {}
    func unlock() {}

    func create(_ name: String) throws(DiskError) -> any DiskFile { throw Self.refusal("create", name) }
    func unlink(_ name: String) throws(DiskError) { throw Self.refusal("unlink", name) }
    func syncDirectory(_ barrier: Barrier) throws(DiskError) { throw Self.refusal("sync directory", ".") }

    fileprivate static func refusal(_ operation: String, _ file: String) -> DiskError {
        DiskError(.readOnly, operation: operation, file: file, detail: "opened for reading")
    }
}

private final class ReadOnlyFile: DiskFile {
    private let file: any DiskFile

    init(file: any DiskFile) { self.file = file }

    var name: String { file.name }
    var size: UInt64 { file.size }
    var identity: UInt64 { file.identity }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError) -> Int {
        unsafe try file.read(into: buffer, at: offset)
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError) { throw OverlayDisk.refusal("append", name) }
    func reserve(_ bytes: UInt64) throws(DiskError) { throw OverlayDisk.refusal("reserve", name) }
    func sync(_ barrier: Barrier) throws(DiskError) {}
    func dropCache() { file.dropCache() }
    func willRead(_ range: Range<UInt64>) { file.willRead(range) }
    func close() { file.close() }
}
