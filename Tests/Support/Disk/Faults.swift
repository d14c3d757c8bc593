package import LogStore

/// How an operation of a `SimulatedDisk` fails.
///
/// The three sync failures are those that Rebello et al. saw on ext4, XFS and btrfs ("Can Applications Recover from fsync
/// Failures?", USENIX ATC 2020). At an operation that is no sync they mean `error(.io)`.
package enum OperationFailure: Hashable, Sendable {
    /// Nothing happens.
    case error(DiskError.Kind)
    /// An append leaves its first `bytes` bytes (at most all). Other operations: as `error`.
    case partialAppend(bytes: Int, DiskError.Kind)
    /// EIO; the cache keeps the new content, the disk has the old, and the pages count as clean: no later sync writes them.
    case syncKeepsCache
    /// EIO; the cache goes back to the content of the disk.
    case syncReverts
    /// Returns success; otherwise as `syncKeepsCache`. The next sync of the same file throws EIO.
    case syncReportsLater

    var kind: DiskError.Kind {
        switch self {
        case .error(let kind), .partialAppend(_, let kind): kind
        case .syncKeepsCache, .syncReverts, .syncReportsLater: .io
        }
    }
}

/// Whether a failure strikes one operation or that one and all after it.
package enum FailureExtent: Hashable, Sendable {
    case once
    case persistently
}

/// What reads of one file see instead of its bytes. The bytes themselves stay pristine, so that a fault can be switched
/// off for the verdict.
package enum ReadFault: Hashable, Sendable {
    case flippedBit(offset: Int, bit: Int)
    /// `count` bytes of zeros from `offset`.
    case zeroed(offset: Int, count: Int)
    /// A misdirected read: `count` bytes at `offset` come from `source` of the same file.
    case otherOffset(offset: Int, count: Int, source: Int)
    /// `count` bytes at `offset` come from the same place of another file.
    case otherFile(offset: Int, count: Int, name: String)
    /// A read that reaches `offset` ends there although the file goes on; its size is told right.
    case shortRead(offset: Int)
    /// The file ends at `size`.
    case truncated(size: Int)
    /// A read that touches one of `count` bytes from `offset` throws `io`.
    case ioError(offset: Int, count: Int)
    /// All of the file is this instead: a stale version, or another file's content.
    case replaced([UInt8])

    /// Changes `content`, the whole file as reads see it.
    func apply(to content: inout [UInt8], others: (String) -> [UInt8]?) {
        func copy(_ source: [UInt8], from start: Int, to offset: Int, count: Int) {
            for i in 0..<max(0, count) where content.indices.contains(offset + i) {
                content[offset + i] = source.indices.contains(start + i) ? source[start + i] : 0
            }
        }
        switch self {
        case .flippedBit(let offset, let bit):
            if content.indices.contains(offset) { content[offset] ^= 1 << UInt8(bit & 7) }
        case .zeroed(let offset, let count):
            copy([], from: 0, to: offset, count: count)
        case .otherOffset(let offset, let count, let source):
            copy(content, from: source, to: offset, count: count)
        case .otherFile(let offset, let count, let name):
            copy(others(name) ?? [], from: offset, to: offset, count: count)
        case .truncated(let size):
            if size < content.count { content.removeSubrange(max(0, size)...) }
        case .replaced(let bytes):
            content = bytes
        case .shortRead, .ioError:
            break
        }
    }
}

/// One numbered operation, for messages: "append w-1.wal 4096 bytes".
package struct DiskOperation: Hashable, Sendable, CustomStringConvertible {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case create, append, sync, syncDirectory, unlink, reserve
    }
    package var kind: Kind
    package var file: String
    package var bytes: Int = 0
    package var barrier: Barrier?

    package var description: String {
        var text = "\(kind.rawValue) \(file)"
        if bytes > 0 { text += " \(bytes) bytes" }
        if let barrier { text += " (\(barrier.rawValue))" }
        return text
    }
}

/// What a disk was asked to do since it was made.
package struct DiskStatistics: Hashable, Sendable {
    package var operations: [DiskOperation.Kind: Int] = [:]
    package var barriers: [Barrier: Int] = [:]
    package var bytesAppended = 0
    package var opens = 0
    package var reads = 0
    package var lists = 0

    package subscript(kind: DiskOperation.Kind) -> Int { operations[kind] ?? 0 }
    /// Syncs of files and of the directory.
    package var syncs: Int { self[.sync] + self[.syncDirectory] }
}
