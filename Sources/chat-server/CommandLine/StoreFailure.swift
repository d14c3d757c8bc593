internal import HTTPTransport
internal import LogStore

extension CommandFailure {
    /// What a verb tells the operator when the store does not do what it was asked for.
    /// - Parameter directory: the data directory as the operator named it.
    init(_ error: LogStoreError, directory: String) {
        switch error {
        case .locked(_, let holder):
            let who = holder.isEmpty ? "another process" : holder
            self.init(.inUse, "\(directory) is in use by \(who); stop that first, or name another directory")
        case .notAStore(let detail):
            self.init(.unsupported, "\(directory) is not a store of chat-server: \(detail); nothing was changed")
        case .newerFormat(let file, let detail):
            self.init(
                .unsupported,
                "\(directory)/\(file) was written by a newer version, so run that one: \(detail)")
        case .corrupt(let file, let offset, let detail):
            self.init(
                .damaged,
                messages: [
                    "\(directory)/\(file) is damaged at offset \(offset): \(detail)",
                    "`chat-server verify \(directory)` lists all damage; restore the directory from a backup",
                ])
        case .io(let error):
            self.init(error, directory: directory)
        case .full(let freeBytes):
            self.init(
                .failure, "the disk under \(directory) is nearly full (\(freeBytes) bytes left); make room, then retry")
        case .poisoned(let reason):
            self.init(
                .diskFailed,
                "the disk under \(directory) failed (\(reason)), so nothing more was written; repair it and start again"
            )
        case .closed:
            self.init(.failure, "the store in \(directory) is closed")
        case .overloaded:
            self.init(.failure, "the store in \(directory) has more queued writes than it takes; try again later")
        case .feedTruncated(let oldest):
            self.init(.failure, "the log of \(directory) reaches back only to LSN \(oldest)")
        case .tooLarge(let what, let bytes, let limit):
            self.init(.failure, "\(what) has \(bytes) bytes, and the limit is \(limit)")
        case .held: self.init(.failure, "a legal hold in \(directory) forbids it; lift the hold first")
        case .sessionNotFound, .sessionExists, .entryNotFound, .conflict, .invalid, .wouldBlock:
            self.init(.failure, "the store in \(directory) refused the request: \(error)")
        }
    }

    /// A disk that did not do what the store asked of it.
    init(_ error: DiskError, directory: String) {
        // Operations on the directory itself name it instead of a file in it.
        let path = error.file.isEmpty || error.file == directory ? directory : "\(directory)/\(error.file)"
        let reason = error.detail.isEmpty ? "error \(error.errno)" : error.detail
        switch error.kind {
        case .locked:
            self.init(LogStoreError.locked(path: directory, holder: error.detail), directory: directory)
        case .readOnly:
            self.init(
                .failure, "\(path) is on a file system that is mounted read-only; mount it writable, then try again")
        case .permission:
            self.init(
                .failure, "no permission to \(error.operation) \(path); run as its owner or change the owner")
        case .noSpace:
            self.init(
                .failure, "no space left to \(error.operation) \(path); free space there, then try again")
        case .notFound:
            self.init(.failure, "\(path) does not exist")
        case .exists:
            self.init(.failure, "\(path) exists already (\(error.operation))")
        case .io:
            self.init(
                .failure, "the disk failed to \(error.operation) \(path): \(reason); the system's log may say more")
        }
    }
}

extension CommandFailure {
    /// What the operator is told when the server cannot start or listen.
    init(_ error: HTTPServerError) {
        if case .addressInUse = error {
            self.init(.inUse, "\(error); stop that first, or choose another --listen")
        } else {
            self.init(.failure, "\(error)")
        }
    }
}
