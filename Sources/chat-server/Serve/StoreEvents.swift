internal import LogStore

extension LogEvent {
    /// What the store reports, as a log line.
    init(_ event: StoreEvent) {
        switch event {
        case .opened(let store, let lsn, let replayed, let clean, let microseconds):
            self.init(
                .info, "store opened",
                fields: [
                    ("store", .string(store)), ("lsn", .integer(Int64(lsn.rawValue))),
                    ("replayed", .integer(Int64(replayed))), ("clean", .boolean(clean)),
                    ("microseconds", .integer(Int64(microseconds))),
                ])
        case .skippedManifest(let number, let reason):
            self.init(
                .warning, "a manifest was skipped; an older one and the log give the same state",
                fields: [("manifest", .integer(Int64(number))), ("reason", .string(reason))])
        case .cutLog(let file, let offset, let detail, let lost):
            self.init(
                .error, "the log was cut at damage; what lay behind it is lost",
                fields: [
                    ("file", .string(file)), ("offset", .integer(Int64(offset))), ("detail", .string(detail)),
                    ("lostAtLeast", .integer(Int64(lost))),
                ])
        case .openedCopy: self.init(.info, "this directory is a copy; opened at the newest state that it holds whole")
        case .foreignFile(let name):
            self.init(
                .warning, "a file in the data directory is not the store's; it is left alone",
                fields: [("file", .string(name))])
        case .flushed(let lsn, let entries, let bytes, let microseconds):
            self.init(
                .debug, "flushed",
                fields: [
                    ("lsn", .integer(Int64(lsn.rawValue))), ("entries", .integer(Int64(entries))),
                    ("bytes", .integer(Int64(bytes))), ("microseconds", .integer(Int64(microseconds))),
                ])
        case .flushFailed(let reason, let attempt):
            self.init(
                .error, "a flush failed", fields: [("reason", .string(reason)), ("attempt", .integer(Int64(attempt)))])
        case .compacted(let tables, let read, let written, let dropped, let microseconds):
            self.init(
                .debug, "compacted",
                fields: [
                    ("tables", .integer(Int64(tables))), ("bytesRead", .integer(Int64(read))),
                    ("bytesWritten", .integer(Int64(written))), ("droppedEntries", .integer(Int64(dropped))),
                    ("microseconds", .integer(Int64(microseconds))),
                ])
        case .compactionFailed(let reason):
            self.init(.warning, "tables could not be merged; it is tried again", fields: [("reason", .string(reason))])
        case .expired(let segments, let entries, let sessions):
            self.init(
                .info, "messages past their retention were removed",
                fields: [
                    ("segments", .integer(Int64(segments))), ("messages", .integer(Int64(entries))),
                    ("sessions", .integer(Int64(sessions))),
                ])
        case .expiryWaits(let entries, let total):
            self.init(
                .warning,
                "more than half of all messages would expire at once; this waits a day, or for a confirmation",
                fields: [("messages", .integer(Int64(entries))), ("of", .integer(Int64(total)))])
        case .damaged(let finding):
            self.init(
                .error, "the scrub found damage; restore the file from a backup",
                fields: [
                    ("file", .string(finding.file)), ("offset", .integer(Int64(finding.offset))),
                    ("detail", .string(finding.detail)),
                ])
        case .scrubFailed(let reason):
            self.init(.warning, "the scrub could not read a table", fields: [("reason", .string(reason))])
        case .erased(let record):
            self.init(
                .info, "an erasure is finished: no byte of it is left in any file",
                fields: [
                    ("sessions", .integer(Int64(record.sessions))), ("messages", .integer(Int64(record.entries))),
                    ("orderedAt", .integer(record.orderedAt.milliseconds)),
                ])
        case .erasureOverdue(let record):
            self.init(
                .error, "an erasure has passed its deadline and is not finished",
                fields: [
                    ("sessions", .integer(Int64(record.sessions))), ("messages", .integer(Int64(record.entries))),
                    ("orderedAt", .integer(record.orderedAt.milliseconds)),
                ])
        case .poisoned(let reason):
            self.init(
                .error, "the disk failed; nothing is written any more, restart after mending it",
                fields: [("reason", .string(reason))])
        case .spaceLow(let free):
            self.init(
                .warning, "the disk is nearly full; appends are refused", fields: [("freeBytes", .integer(Int64(free)))]
            )
        case .spaceRecovered(let free):
            self.init(
                .info, "there is space again; appends are accepted", fields: [("freeBytes", .integer(Int64(free)))])
        }
    }
}
