internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// A place in a list of sessions as clients carry it: opaque text. It names the list's order too, so that a cursor of one
/// order is refused by another instead of skipping sessions.
enum OrionCursor {
    private static let version: UInt8 = 1
    private static let byteCount = 18

    static func encode(_ cursor: SessionCursor, _ query: SessionQuery) -> String {
        var bytes = [version, order(query)]
        for word in [UInt64(bitPattern: cursor.value.microseconds), cursor.session] {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return Base64.encodeURL(bytes)
    }

    /// nil if the text is not a cursor of the query's order.
    static func decode(_ text: String, _ query: SessionQuery) -> SessionCursor? {
        guard text.utf8.count <= 32, let bytes = Base64.decodeURL(text), bytes.count == byteCount, bytes[0] == version,
            bytes[1] == order(query)
        else { return nil }
        func word(_ start: Int) -> UInt64 { bytes[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        return SessionCursor(
            value: Timestamp(microseconds: Int64(bitPattern: word(2))), session: word(10))
    }

    private static func order(_ query: SessionQuery) -> UInt8 { query.sort.rawValue << 1 | (query.ascending ? 1 : 0) }
}
