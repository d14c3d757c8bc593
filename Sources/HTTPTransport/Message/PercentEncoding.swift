/// Percent-encoding (RFC 3986 §2.1) of path parameters and of queries.
package enum PercentEncoding {
    /// Decodes as a browser's `decodeURIComponent`: nil where an escape is broken or the result is not UTF-8.
    package static func decode(_ bytes: ArraySlice<UInt8>, plusIsBlank: Bool = false) -> String? {
        guard bytes.contains(where: { $0 == UInt8(ascii: "%") || (plusIsBlank && $0 == UInt8(ascii: "+")) }) else {
            return String(validating: bytes, as: UTF8.self)
        }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == UInt8(ascii: "%") {
                guard index + 2 < bytes.endIndex, let high = hexDigit(bytes[index + 1]),
                    let low = hexDigit(bytes[index + 2])
                else { return nil }
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(plusIsBlank && byte == UInt8(ascii: "+") ? 0x20 : byte)
                index += 1
            }
        }
        return String(validating: decoded, as: UTF8.self)
    }

    /// Decodes the text of one component; nil where it is broken.
    package static func decode(_ text: String) -> String? {
        decode(Array(text.utf8)[...])
    }

    /// The pairs of a query, or of an `application/x-www-form-urlencoded` body, both sides decoded with `+` for a blank. A
    /// side whose escapes are broken stays as it was sent.
    package static func queryItems(_ query: ArraySlice<UInt8>) -> [(name: String, value: String)] {
        var items: [(name: String, value: String)] = []
        var rest = query
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "&")) ?? rest.endIndex
            let pair = rest[rest.startIndex..<end]
            rest = end < rest.endIndex ? rest[(end + 1)...] : rest[rest.endIndex...]
            guard !pair.isEmpty else { continue }
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            let value = equals < pair.endIndex ? pair[(equals + 1)...] : pair[pair.endIndex...]
            items.append((lenient(pair[pair.startIndex..<equals]), lenient(value)))
        }
        return items
    }

    private static func lenient(_ bytes: ArraySlice<UInt8>) -> String {
        decode(bytes, plusIsBlank: true) ?? String(decoding: bytes, as: UTF8.self)
    }

    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
