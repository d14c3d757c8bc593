internal import LogStore

/// The codec of stored values: a version byte, then fields. A field is `varint(tag << 1 | kind)` and, for kind 0, a varint,
/// for kind 1, a length and that many bytes. Fields that are absent have their default.
///
/// Tags are never reused and never change their meaning; a reader skips tags that it does not know, so older programs read
/// newer values. The version changes only if that rule cannot be kept.
struct TaggedFieldWriter {
    private(set) var bytes: [UInt8] = []

    init(version: UInt8, reserving capacity: Int = 128) {
        bytes.reserveCapacity(capacity)
        bytes.append(version)
    }

    mutating func append(_ tag: UInt64, _ value: UInt64) {
        varint(tag << 1)
        varint(value)
    }

    mutating func append(_ tag: UInt64, _ value: some Collection<UInt8>) {
        varint(tag << 1 | 1)
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    mutating func append(_ tag: UInt64, _ text: UTF8Text?) { if let text { append(tag, text.bytes) } }
    mutating func append(_ tag: UInt64, _ json: RawJSON?) { if let json { append(tag, json.bytes) } }
    mutating func append(_ tag: UInt64, _ time: Timestamp?) {
        guard let time else { return }
        let v = time.microseconds
        append(tag, UInt64(bitPattern: v << 1 ^ v >> 63))
    }

    mutating func raw(_ byte: UInt8) { bytes.append(byte) }

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}

/// A stored value does not have the form that `TaggedFieldWriter` gives it. Checksums make that impossible for anything
/// this program wrote, so it means a newer major version or damage above the store.
struct MalformedRecord: Error, Hashable {
    var what: StaticString
    var offset: Int

    static func == (a: Self, b: Self) -> Bool { a.offset == b.offset }
    func hash(into hasher: inout Hasher) { hasher.combine(offset) }
}

/// Walks over the fields of a stored value. Byte fields are slices of the value: nothing is copied.
struct TaggedFieldReader {
    struct Field {
        var tag: UInt64
        /// Of a varint field; 0 for bytes.
        var number: UInt64
        /// Of a byte field; empty for a varint.
        var bytes: ArraySlice<UInt8>

        var text: UTF8Text { UTF8Text(valid: bytes) }
        var json: RawJSON { RawJSON(stored: bytes) }
        var time: Timestamp {
            Timestamp(microseconds: Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1))
        }
    }

    /// A field without its bytes: where they are.
    struct Place {
        var tag: UInt64
        /// Of a varint field; 0 for bytes.
        var number: UInt64
        /// Of a byte field; empty for a varint.
        var range: Range<Int>
    }

    private let bytes: [UInt8]
    private var position: Int

    /// - Throws: `MalformedRecord` if the value's version is not one up to `version`.
    init(_ bytes: [UInt8], version: UInt8) throws(MalformedRecord) {
        guard let first = bytes.first, first >= 1, first <= version else {
            throw MalformedRecord(what: "version", offset: 0)
        }
        self.bytes = bytes
        position = 1
    }

    mutating func next() throws(MalformedRecord) -> Field? {
        guard let place = try nextPlace() else { return nil }
        return Field(tag: place.tag, number: place.number, bytes: place.range.isEmpty ? [] : bytes[place.range])
    }

    mutating func nextPlace() throws(MalformedRecord) -> Place? {
        guard position < bytes.count else { return nil }
        let key = try varint()
        guard key & 1 == 1 else { return Place(tag: key >> 1, number: try varint(), range: 0..<0) }
        let length = try varint()
        guard length <= UInt64(bytes.count - position) else { throw MalformedRecord(what: "length", offset: position) }
        let start = position
        position += Int(length)
        return Place(tag: key >> 1, number: 0, range: start..<position)
    }

    private mutating func varint() throws(MalformedRecord) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            guard shift < 63 || byte <= 1 else { break }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
            guard shift <= 63 else { break }
        }
        throw MalformedRecord(what: "varint", offset: position)
    }
}
