/// How far the history goes that a restore brings back.
package enum RestoreTarget: Hashable, Sendable {
    /// As far as the files go.
    case newest
    /// Up to and including this batch.
    case lsn(LSN)
    /// Every batch committed at this time or before. Times rise strictly with the LSN.
    case time(Timestamp)

    func includes(_ lsn: LSN, _ time: Timestamp) -> Bool {
        switch self {
        case .newest: true
        case .lsn(let last): lsn <= last
        case .time(let last): time <= last
        }
    }

    func includes(_ manifest: Manifest) -> Bool {
        manifest.flushedLSN == .zero
            || includes(manifest.flushedLSN, Timestamp(microseconds: manifest.counters.lastTime))
    }
}

/// Why a backup cannot be restored as asked for.
package enum RestoreError: Error, Equatable, Sendable {
    case store(LogStoreError)
    /// The oldest state that the backup has is later than the target.
    case targetTooOld(oldest: LSN, at: Timestamp)
    /// The files end before the wanted LSN.
    case targetTooNew(newest: LSN, at: Timestamp?)
}
