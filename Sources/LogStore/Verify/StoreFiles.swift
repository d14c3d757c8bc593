/// Reads the two kinds of files that say what the rest is; changes nothing and syncs nothing.
struct StoreFiles {
    let disk: any Disk

    func list() throws(LogStoreError) -> [DiskEntry] {
        do throws(DiskError) { return try disk.list() } catch { throw .io(error) }
    }

    func open(_ name: String) throws(LogStoreError) -> any DiskFile {
        do throws(DiskError) { return try disk.open(name) } catch { throw .io(error) }
    }

    /// FORMAT and the identity that its file has now.
    func format() throws(LogStoreError) -> (format: StoreFormat, identity: UInt64) {
        let file = try open(StoreFormat.name)
        defer { file.close() }
        guard file.size < 4096 else {
            throw .corrupt(file: StoreFormat.name, offset: 0, detail: "\(file.size) bytes")
        }
        let format = try StoreFormat.decode(try file.bytes(at: 0, count: Int(file.size)))
        return (format, file.identity)
    }

    func manifest(_ number: UInt64, store: UInt64) throws(LogStoreError) -> Manifest {
        let file = try open(Manifest.name(number))
        defer { file.close() }
        guard file.size <= UInt64(Manifest.maximumBytes) else {
            throw .corrupt(file: file.name, offset: 0, detail: "\(file.size) bytes")
        }
        return try Manifest.decode(try file.bytes(at: 0, count: Int(file.size)), store: store, number: number)
    }
}
