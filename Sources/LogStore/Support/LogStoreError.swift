/// Everything that can go wrong in the store. Reads and writes throw nothing else.
package enum LogStoreError: Error, Equatable, Sendable {
    // What a caller asked for does not fit the state. Nothing was changed.
    case sessionNotFound
    case sessionExists(id: String)
    case entryNotFound(sequence: SequenceNumber)
    /// A `require` of the batch did not hold; read again and retry.
    case conflict(String)
    /// A bound of `Limits` is exceeded.
    case tooLarge(what: String, bytes: Int, limit: Int)
    case invalid(String)
    /// A legal hold forbids to delete it.
    case held

    // The store's own condition.
    /// The disk is (nearly) full: appends are refused, reads and deletes go on.
    case full(freeBytes: UInt64)
    /// The append queue is at its bound.
    case overloaded
    /// A write or sync failed earlier; the outcome of what was in flight is unknown. Only a restart helps.
    case poisoned(String)
    case closed
    /// `ReadPolicy.cached` was asked for and the answer needs the disk.
    case wouldBlock
    /// The feed no longer reaches back to that LSN.
    case feedTruncated(oldest: LSN)

    // The files.
    case locked(path: String, holder: String)
    case notAStore(String)
    /// Written by a newer version: needs at least that version to open.
    case newerFormat(file: String, detail: String)
    /// A file does not hold what was written to it.
    case corrupt(file: String, offset: UInt64, detail: String)
    case io(DiskError)
}
