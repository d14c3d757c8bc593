/// What a verification of a store found (`StoreVerifier`).
package struct VerifyReport: Sendable {
    /// Bytes that are not what was written, or that do not fit the rest.
    package struct Finding: Hashable, Sendable {
        package var file: String
        /// Where in the file; 0 if the whole file is meant.
        package var offset: UInt64
        package var detail: String
    }

    /// Something an operator may want to know that is no damage.
    package struct Note: Hashable, Sendable {
        package enum Kind: String, Hashable, Sendable, CaseIterable {
            /// A table that no manifest names: a flush that was cut short. Opening removes it.
            case orphan
            /// A file that is not the store's.
            case foreign
            /// Bytes of a log file behind the place where the next file continues.
            case void
            /// The last group was being written when the process or machine stopped; it was never acknowledged.
            case tornTail
            /// A file whose creation was cut short.
            case unfinished
            /// An older manifest, some of whose tables have been unlinked already. Opening removes it.
            case obsolete
            /// An earlier opening cut the log here and went on behind what the tables hold.
            case cut
            /// The directory is a copy: damage at the end of its log is cut off when it is opened.
            case copy
        }
        package var kind: Kind
        package var file: String
        package var offset: UInt64
        /// How many bytes are meant.
        package var bytes: UInt64
    }

    /// Nil if FORMAT does not verify.
    package internal(set) var store: StoreID?
    /// Files of the store that were read, and their bytes.
    package internal(set) var files = 0
    package internal(set) var bytes: UInt64 = 0
    package internal(set) var manifests = 0
    package internal(set) var tables = 0
    package internal(set) var logFiles = 0
    /// Messages in tables.
    package internal(set) var entries: UInt64 = 0
    /// Pairs in index runs, and the session rows among them; a session has one in each run that changed it.
    package internal(set) var indexPairs: UInt64 = 0
    package internal(set) var rows: UInt64 = 0
    /// Batches in the log.
    package internal(set) var batches: UInt64 = 0
    package internal(set) var findings: [Finding] = []
    package internal(set) var notes: [Note] = []

    package var isClean: Bool { findings.isEmpty }

    mutating func find(_ file: String, _ offset: UInt64, _ detail: String) {
        // Two passes may meet the same bad block.
        guard !findings.contains(where: { $0.file == file && $0.offset == offset }) else { return }
        findings.append(Finding(file: file, offset: offset, detail: detail))
    }

    mutating func note(_ kind: Note.Kind, _ file: String, _ offset: UInt64 = 0, bytes: UInt64) {
        notes.append(Note(kind: kind, file: file, offset: offset, bytes: bytes))
    }

    /// Keeps an error that concerns one file's bytes.
    /// - Throws: what stops the whole verification: a newer format, no permission, no store.
    mutating func take(_ error: LogStoreError, in file: String) throws(LogStoreError) {
        switch error {
        case .corrupt(let named, let offset, let detail): find(named, offset, detail)
        case .io(let failure) where failure.kind == .notFound: find(file, 0, "the file is missing")
        case .io(let failure) where failure.kind == .io:
            find(file, 0, "cannot be read: \(failure.detail.isEmpty ? "error \(failure.errno)" : failure.detail)")
        default: throw error
        }
    }
}

/// How far a verification is.
package struct VerifyProgress: Hashable, Sendable {
    /// The file being read.
    package var file: String
    package var bytesDone: UInt64
    package var bytesTotal: UInt64
}
