/// Text as its UTF-8 bytes: what a request brought or a stored entry holds, without a copy and without a `String`.
package struct UTF8Text: Hashable, Sendable, ExpressibleByStringLiteral {
    /// Valid UTF-8.
    package let bytes: ArraySlice<UInt8>

    /// - Parameter bytes: valid UTF-8; the caller has checked.
    package init(valid bytes: ArraySlice<UInt8>) { self.bytes = bytes }
    package init(valid bytes: [UInt8]) { self.bytes = bytes[...] }
    package init(_ string: String) { bytes = Array(string.utf8)[...] }
    package init(stringLiteral value: StaticString) {
        bytes = value.withUTF8Buffer { Array($0) }[...]
    }

    package static let empty = UTF8Text(valid: [])

    package var isEmpty: Bool { bytes.isEmpty }
    package var string: String { String(decoding: bytes, as: UTF8.self) }
    package var containsNUL: Bool { bytes.contains(0) }

    /// Characters as PostgreSQL's varchar counts them: Unicode scalars.
    package var scalarCount: Int { bytes.count { $0 & 0xC0 != 0x80 } }

    package static func == (a: UTF8Text, b: UTF8Text) -> Bool { a.bytes.elementsEqual(b.bytes) }
    package func hash(into hasher: inout Hasher) {
        hasher.combine(bytes.count)
        for byte in bytes { hasher.combine(byte) }
    }
}
