import Glibc
import TestSupport

@testable import LogStore

/// The corpora's first inputs: the parts of a real store, as each target takes them.
struct Seeds {
    private var inputs: [FuzzTarget: [[UInt8]]] = [:]

    init() throws {
        let disk = SimulatedDisk()
        var options = StoreOptions()
        options.reserveBytes = 0
        options.logReserveBytes = 4096
        options.softLimitBytes = 0
        options.blockBytes = 4096
        let store = try LogStore.open(
            disk: disk, clock: SimulatedClock(stepMicroseconds: 5), random: SplitMix64Random(seed: 2), options: options,
            execution: .inline)
        try live(store)
        try store.close()
        for (name, bytes) in disk.contents().sorted(by: { $0.key < $1.key }) {
            if name == StoreFormat.name { inputs[.format, default: []].append(bytes) }
            if Manifest.parse(name) != nil { inputs[.manifest, default: []].append(Array(bytes.dropLast(16))) }
            if LogFormat.parse(name) != nil { collectLog(bytes) }
            if let table = TableName(fileName: name) { try collectTable(disk, table, bytes, store.id.seed) }
        }
        collectValues()
    }

    /// Every kind of change, in tables and in the log.
    private func live(_ store: LogStore) throws {
        var batch = Batch()
        let first = batch.createSession(id: "s1", tenant: "t", user: "ann", state: Array("{\"a\":1}".utf8), tags: 3)
        let second = batch.createSession(id: "s2", tenant: "t", user: "bob")
        for i in 0..<60 { batch.append(Array("message \(i) of a first session, some words".utf8), to: first) }
        batch.append(Array(repeating: 0x78, count: 5000), to: second)
        batch.put(DocumentKey(tenant: "u", key: [1, 2]), [3, 4])
        let keys = try store.commit(batch).sessions
        try store.flush()
        for round in 0..<2 {
            batch = Batch()
            batch.amend(2, of: .existing(keys[0]), payload: [1])
            batch.deleteEntry(SequenceNumber(3 + round), of: .existing(keys[0]))
            batch.update(.existing(keys[1]), state: [9], tags: 1)
            batch.append([7], to: .existing(keys[1]), touch: false)
            batch.setPosition(of: "consumer", to: LSN(1))
            batch.idempotencyKey("key \(round)", in: .existing(keys[0]))
            try store.commit(batch)
            batch = Batch()
            batch.remove(DocumentKey(tenant: "u", key: [1, 2]))
            batch.setPosition(of: "consumer", to: nil)
            _ = batch.createSession(id: "s3", tenant: "v", user: "eve \(round)")
            let other = try store.commit(batch)
            batch = Batch()
            batch.deleteSession(other.sessions[0])
            batch.deleteUser(other.sessions[0].owner)
            batch.deleteTenant(other.sessions[0].tenant)
            try store.commit(batch)
            if round == 0 { try store.flush() }
        }
    }

    private mutating func collectLog(_ bytes: [UInt8]) {
        inputs[.logHeader, default: []].append(Array(bytes.prefix(112)))
        var forged: [UInt8] = []
        var at = LogFormat.headerBytes
        while at + LogFormat.frameHeaderBytes <= bytes.count {
            let head = Array(bytes[at..<at + LogFormat.frameHeaderBytes])
            let payloadBytes = Int(Self.number(head, at: 20, width: 4))
            let end = at + LogFormat.frameHeaderBytes + payloadBytes
            guard Self.number(head, at: 0, width: 4) == UInt64(LogFormat.frameMagic), end <= bytes.count else { break }
            inputs[.frame, default: []].append(head)
            let payload = Array(bytes[at + LogFormat.frameHeaderBytes..<end])
            let count = UInt32(Self.number(head, at: 16, width: 4))
            inputs[.records, default: []].append([UInt8(truncatingIfNeeded: count)] + payload)
            for body in (try? LogRecord.bodies(payload, count: count)) ?? [] {
                inputs[.batch, default: []].append(body)
                forged += [UInt8(truncatingIfNeeded: body.count), UInt8(truncatingIfNeeded: body.count >> 8)] + body
            }
            at = (end + LogFormat.alignment - 1) / LogFormat.alignment * LogFormat.alignment
        }
        if !forged.isEmpty { inputs[.log, default: []].append(forged) }
    }

    private mutating func collectTable(
        _ disk: SimulatedDisk, _ name: TableName, _ bytes: [UInt8], _ store: UInt64
    ) throws {
        let table = try TableReader.open(
            disk: disk, name: name, context: TableContext(store: store), cache: BlockCache(budgetBytes: 0))
        let footer = bytes.count - TableFormat.footerBytes
        // Sizes are told as what is above 128 bytes, in four.
        let size = Self.bytes(UInt64(bytes.count - 128))
        inputs[.footer, default: []].append(size + bytes[footer..<footer + 56])
        inputs[.properties, default: []].append(table.properties.encode())
        let top = Int(table.footer.topIndexOffset)
        inputs[.indexPage, default: []].append([1] + bytes[top..<top + table.footer.topIndexBytes])
        for child in 0..<table.top.count {
            let entry = table.top[child]
            inputs[.indexPage, default: []].append([0] + Self.part(bytes, entry))
            let page = try table.indexPage(child, .blocking)
            for block in 0..<page.count { inputs[.block, default: []].append(Self.part(bytes, page[block])) }
        }
        let cursor = table.cursor()
        try cursor.seekToFirst()
        while name.kind == .index, cursor.isValid {
            // One input for each kind of value that the target knows: the fuzzer finds out which fits.
            let value = try table.get(cursor.key) ?? []
            for kind in 0..<8 { inputs[.values, default: []].append([UInt8(kind)] + value) }
            try cursor.next()
        }
    }

    private mutating func collectValues() {
        var row = SessionRow(createdAt: 1, updatedAt: 2, stateVersion: 3, id: "s")
        row.runs = (1...9).map { .init(generation: $0 * 3, firstSequence: SequenceNumber($0 * 100)) }
        inputs[.values, default: []].append([0] + row.encode())
        inputs[.values, default: []].append([1] + row.encode())
    }

    func write(below directory: String) throws {
        mkdir(directory, 0o755)
        for target in FuzzTarget.allCases {
            let folder = directory + "/" + target.rawValue
            mkdir(folder, 0o755)
            let found = Set(inputs[target] ?? [])
            guard !found.isEmpty else { fatalError("no seed for \(target.rawValue)") }
            for (index, input) in found.sorted(by: { $0.count < $1.count }).enumerated() {
                guard let file = fopen("\(folder)/seed-\(index)", "w") else { fatalError("\(folder): errno \(errno)") }
                fwrite(input, 1, input.count, file)
                fclose(file)
            }
            print("\(target.rawValue): \(found.count) seeds")
        }
    }

    private static func part(_ bytes: [UInt8], _ entry: IndexEntry) -> [UInt8] {
        Array(bytes[Int(entry.offset)..<Int(entry.offset) + Int(entry.storedBytes)])
    }

    private static func number(_ bytes: [UInt8], at offset: Int, width: Int) -> UInt64 {
        (0..<width).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }

    private static func bytes(_ value: UInt64) -> [UInt8] { FuzzTarget.bytes(value) }
}
