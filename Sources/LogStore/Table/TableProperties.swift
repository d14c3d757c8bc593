/// What a table says about itself: its zone map and its counts.
///
/// Stored as ascending `(tag varint, length varint, bytes)`; a reader skips tags it does not know, so later versions
/// can add some.
package struct TableProperties: Hashable, Sendable {
    /// Smallest and largest key; empty in an empty table.
    package var firstKey: [UInt8] = []
    package var lastKey: [UInt8] = []
    /// Times of the records as the writer's caller gave them.
    package var minTime: Timestamp?
    package var maxTime: Timestamp?
    package var entryCount: UInt64 = 0
    /// Bytes of all records (keys, values and their lengths) before compression.
    package var rawBytes: UInt64 = 0
    /// Bits set for each key of the filter.
    package var filterProbes: UInt8 = 0
    /// Every key of the table is in the filter at full length.
    package var filterHoldsKeys = false

    private enum Tag: UInt64 {
        case firstKey = 1
        case lastKey = 2
        case minTime = 3
        case maxTime = 4
        case entryCount = 5
        case rawBytes = 6
        case filterProbes = 7
        case filterHoldsKeys = 8
    }

    package init() {}

    func encode() -> [UInt8] {
        var out = ByteWriter()
        func put(_ tag: Tag, _ body: [UInt8]) {
            out.varint(tag.rawValue)
            out.lengthPrefixed(body)
        }
        func put(_ tag: Tag, _ value: UInt64) {
            var body = ByteWriter(reserving: 8)
            body.u64(value)
            put(tag, body.take())
        }
        put(.firstKey, firstKey)
        put(.lastKey, lastKey)
        if let minTime { put(.minTime, UInt64(bitPattern: minTime.microseconds)) }
        if let maxTime { put(.maxTime, UInt64(bitPattern: maxTime.microseconds)) }
        put(.entryCount, entryCount)
        put(.rawBytes, rawBytes)
        put(.filterProbes, [filterProbes])
        put(.filterHoldsKeys, [filterHoldsKeys ? 1 : 0])
        return out.take()
    }

    init(decoding bytes: [UInt8]) throws(ByteReader.Malformed) {
        var properties = TableProperties()
        try bytes.read { (reader) throws(ByteReader.Malformed) in
            var previous: UInt64 = 0
            while !reader.isAtEnd {
                let tag = try reader.varint()
                guard tag > previous else { throw reader.malformed("property order") }
                previous = tag
                let body = try reader.lengthPrefixed()
                try properties.set(tag, body)
            }
        }
        self = properties
    }

    private mutating func set(_ tag: UInt64, _ body: [UInt8]) throws(ByteReader.Malformed) {
        func number() throws(ByteReader.Malformed) -> UInt64 {
            try body.read { (reader) throws(ByteReader.Malformed) in
                guard reader.remaining == 8 else { throw reader.malformed("property \(tag)") }
                return try reader.u64()
            }
        }
        func byte(_ limit: UInt8) throws(ByteReader.Malformed) -> UInt8 {
            guard body.count == 1, body[0] <= limit else {
                throw ByteReader.Malformed(offset: 0, what: "property \(tag)")
            }
            return body[0]
        }
        switch Tag(rawValue: tag) {
        case .firstKey: firstKey = body
        case .lastKey: lastKey = body
        case .minTime: minTime = Timestamp(microseconds: Int64(bitPattern: try number()))
        case .maxTime: maxTime = Timestamp(microseconds: Int64(bitPattern: try number()))
        case .entryCount: entryCount = try number()
        case .rawBytes: rawBytes = try number()
        case .filterProbes: filterProbes = try byte(BloomFilter.maximumProbes)
        case .filterHoldsKeys: filterHoldsKeys = try byte(1) == 1
        case nil: break
        }
    }
}

/// A finished table, as the manifest will name it.
package struct TableSummary: Hashable, Sendable {
    package var name: TableName
    /// Bytes of the file.
    package var size: UInt64
    /// Of everything from the top index to the end, which pins the rest.
    package var hash: FileHash
    package var properties: TableProperties

    package var entryCount: UInt64 { properties.entryCount }
    package var rawBytes: UInt64 { properties.rawBytes }
    package var firstKey: [UInt8] { properties.firstKey }
    package var lastKey: [UInt8] { properties.lastKey }
    package var minTime: Timestamp? { properties.minTime }
    package var maxTime: Timestamp? { properties.maxTime }

    package init(name: TableName, size: UInt64, hash: FileHash, properties: TableProperties) {
        self.name = name
        self.size = size
        self.hash = hash
        self.properties = properties
    }
}
