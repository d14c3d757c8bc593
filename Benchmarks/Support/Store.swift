package import LogStore
internal import TestSupport

/// Opens the store of a directory as the server does: threads, the machine's clock, default sizes.
package func openStore(_ path: String, _ configure: (inout StoreOptions) -> Void = { _ in }) throws -> LogStore {
    var options = StoreOptions()
    // The benchmark's directory may lie on a fuller disk than a server would have.
    options.softLimitBytes = 0
    options.softLimitPercent = 0
    options.deletionGraceSeconds = 0
    configure(&options)
    return try LogStore.open(
        disk: try LiveDisk(path: path, createIfMissing: true), clock: LiveClock(), random: SystemRandom(),
        options: options
    ) { event in
        switch event {
        case .poisoned(let why): print("  poisoned: \(why)")
        case .flushFailed(let why, _), .compactionFailed(let why): print("  failed: \(why)")
        case .compacted(let tables, let read, let written, _, let microseconds):
            print("  merged \(tables) tables, \(read >> 10) to \(written >> 10) KiB, in \(microseconds / 1000) ms")
        default: break
        }
    }
}

/// Makes the kernel forget the pages of all tables: the next read of them goes to the device.
package func dropTablePages(_ path: String) throws {
    let disk = try LiveDisk(path: path)
    for entry in try disk.list() where entry.name.hasSuffix(".seg") || entry.name.hasSuffix(".run") {
        let file = try disk.open(entry.name)
        file.dropCache()
        file.close()
    }
}

extension LogStore {
    /// New sessions of `user`, numbered from `first`, each with `messages` messages of `bytes` bytes.
    package func load(
        user: String, first: Int, sessions count: Int, messages: Int, bytes: Int, _ source: inout Messages
    ) throws -> [SessionKey] {
        var batch = Batch(durability: .buffered)
        for number in first..<first + count {
            let session = batch.createSession(
                id: "session_\(number)", tenant: "bench", user: user, state: Array("{\"title\":\"\(number)\"}".utf8))
            for _ in 0..<messages { batch.append(source.next(bytes: bytes), to: session) }
        }
        return try commit(batch).sessions
    }

    /// Appends `count` messages to one session, many in a batch.
    package func grow(_ session: SessionKey, by count: Int, bytes: Int, _ source: inout Messages) throws {
        var left = count
        while left > 0 {
            var batch = Batch(durability: .buffered)
            for _ in 0..<min(left, 5000) { batch.append(source.next(bytes: bytes), to: .existing(session)) }
            try commit(batch)
            left -= 5000
        }
    }

    /// One durable message.
    package func append(_ payload: [UInt8], to session: SessionKey, _ durability: Batch.Durability = .durable) throws {
        var batch = Batch(durability: durability)
        batch.append(payload, to: .existing(session))
        try commit(batch)
    }
}
