/// The engine's whole view of storage: one flat directory and four verbs that change it: create, append, sync, unlink.
///
/// There is no rename, no overwrite and no truncate (docs/ARCHITECTURE.md, "Four verbs"). Nothing else in LogStore
/// calls the system for storage. Implementations: `LiveDisk` (a directory) and the tests' `SimulatedDisk`.
///
/// Durability contract, as POSIX gives it and no stronger: `DiskFile.sync(_:)` makes a file's bytes and size durable, not
/// its name; `syncDirectory(_:)` makes creations and unlinks durable.
package protocol Disk: Sendable {
    /// Creates a file that must not exist, mode 0600. Throws `exists` if it does.
    func create(_ name: String) throws(DiskError) -> any DiskFile
    /// Opens an existing file for reading and `sync()`. Appending to it is a programmer error.
    func open(_ name: String) throws(DiskError) -> any DiskFile
    /// Every regular file of the directory, in no particular order.
    func list() throws(DiskError) -> [DiskEntry]
    /// Removes a name. Open handles go on reading.
    func unlink(_ name: String) throws(DiskError)
    /// Gives back what a process that was killed had reserved behind a file's end. Changes no byte; failing costs space
    /// only.
    func giveBackReserve(of name: String)
    /// Makes every creation and unlink so far durable.
    func syncDirectory(_ barrier: Barrier) throws(DiskError)
    /// Space an unprivileged writer may still use, and the size of the file system, in bytes.
    func space() throws(DiskError) -> DiskSpace
    /// Takes the directory's exclusive lock for the life of the process, or throws `locked` naming the holder.
    func lock() throws(DiskError)
    /// Gives it back.
    func unlock()
    /// For messages: where this is.
    var path: String { get }
}

package protocol DiskFile: AnyObject, Sendable {
    var name: String { get }
    /// Bytes appended so far (created files) or found at open.
    var size: UInt64 { get }
    /// A number that a copy of the file does not share (the inode).
    var identity: UInt64 { get }
    /// Appends all bytes of `bytes` at the end. On an error an unknown prefix may have been written.
    func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError)
    /// Reads up to `buffer.count` bytes at `offset`; fewer only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError) -> Int
    /// Makes bytes and size durable (fdatasync).
    func sync(_ barrier: Barrier) throws(DiskError)
    /// Reserves space for `bytes` from the start of the file without changing its size. `noSpace` if there is none.
    func reserve(_ bytes: UInt64) throws(DiskError)
    /// Advice that the pages of this file will not be read again soon.
    func dropCache()
    /// Says that `range` will be read soon, so that the kernel can fetch it in one access. Only advice.
    func willRead(_ range: Range<UInt64>)
    /// Closes the handle; idempotent. Using it afterwards is a programmer error.
    func close()
}

/// Every place where the engine waits for the disk, by name.
///
/// Each is load-bearing: the crash tests remove them one at a time and must notice every one (docs/ARCHITECTURE.md,
/// "Barriers").
package enum Barrier: String, CaseIterable, Sendable {
    /// FORMAT's bytes, before anything that names its store id.
    case formatFile
    /// FORMAT's name, before any other file of the store.
    case formatDirectory
    /// The manifest that recovery chose: a killed process may have left it in the page cache only.
    case openManifest
    /// Bytes a killed process left in a log file, before recovery believes them.
    case openLog
    /// A new log file's header.
    case logHeader
    /// A new log file's name, before a group in it is acknowledged.
    case logDirectory
    /// A commit group, before it is acknowledged.
    case logGroup
    /// The seal frame at rotation and clean shutdown.
    case logSeal
    /// A table's bytes, before a manifest names it.
    case tableFile
    /// The new tables' names, before a manifest names them.
    case tableDirectory
    /// A manifest's bytes.
    case manifestFile
    /// A manifest's name, before what it made obsolete may go.
    case manifestDirectory
    /// Unlinked names, before the erasure ledger says that they are gone.
    case unlinkDirectory
}

package struct DiskEntry: Hashable, Sendable {
    package var name: String
    package var size: UInt64
    /// When its bytes last changed, in microseconds since 1970.
    package var modifiedAt: Int64
    package init(name: String, size: UInt64, modifiedAt: Int64 = 0) {
        self.name = name
        self.size = size
        self.modifiedAt = modifiedAt
    }
}

package struct DiskSpace: Hashable, Sendable {
    package var freeBytes: UInt64
    package var totalBytes: UInt64
    package init(freeBytes: UInt64, totalBytes: UInt64) {
        self.freeBytes = freeBytes
        self.totalBytes = totalBytes
    }
}

/// A failed disk operation: what was asked, of which file, and why.
package struct DiskError: Error, Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case notFound
        case exists
        case noSpace
        case readOnly
        case permission
        /// Another process holds the directory; `detail` names it.
        case locked
        /// EIO and everything not listed; `errno` is kept.
        case io
    }
    package var kind: Kind
    package var operation: String
    package var file: String
    package var errno: Int32
    package var detail: String
    package init(_ kind: Kind, operation: String, file: String, errno: Int32 = 0, detail: String = "") {
        self.kind = kind
        self.operation = operation
        self.file = file
        self.errno = errno
        self.detail = detail
    }
}
