internal import ChatEngine
internal import HTTPTransport

/// A request's JSON body, read as Express' `json()` reads it.
///
/// Steps: no body, or a media type other than exactly `application/json`, counts as an empty object; then the charset
/// (UTF-8 or UTF-16), then what the transport found wrong with length or content coding; then the bytes are brought to
/// valid UTF-8 without a byte order mark and scanned once. Nothing is built: members come to the caller as tokens of
/// `text`.
struct JSONBody {
    /// Why a body cannot be used, with the library's own wording where it is harmless.
    enum Problem: Error, Hashable {
        case malformed(JSONError)
        /// The top level is neither an object nor an array.
        case notAnObject
        case tooLarge
        case unsupportedCharset(String)
        case unsupportedEncoding(String)
        case malformedEncoding(String)
    }

    /// Valid UTF-8; the tokens' ranges point into it. Empty if the request has no JSON.
    private(set) var text: [UInt8] = []

    /// Reads the body of `request` and shows `member` each member of a top-level object.
    init(
        _ request: Request, limits: JSONLimits, member: (_ text: [UInt8], _ key: JSONToken, _ value: JSONToken) -> Void
    ) throws(Problem) {
        guard !request.body.isEmpty || request.bodyError != nil,
            let type = request.headers.bytes(of: "Content-Type"), let media = MediaType(type),
            media.isEssence("application/json")
        else { return }
        let charset = media.charset ?? "utf-8"
        guard charset == "utf-8" || Self.utf16Charsets.contains(charset) else {
            throw .unsupportedCharset(charset.uppercased())
        }
        switch request.bodyError {
        case .tooLarge: throw .tooLarge
        case .unsupportedEncoding(let name): throw .unsupportedEncoding(name)
        case .malformedEncoding(let reason): throw .malformedEncoding(reason)
        case nil: break
        }
        guard request.body.count <= limits.bytes else { throw .tooLarge }
        text = charset == "utf-8" ? Self.utf8(request.body) : Self.utf8(fromUTF16: request.body, charset)
        guard !text.isEmpty else { return }
        let text = text
        var scanner = JSONScanner(text.span, limits: limits)
        let root: JSONToken
        do throws(JSONError) {
            root = try scanner.members { member(text, $0, $1) }
        } catch {
            throw .malformed(error)
        }
        guard root.kind == .object || root.kind == .array else { throw .notAnObject }
    }

    private static let utf16Charsets: Set<String> = ["utf-16", "utf-16le", "utf-16be"]

    private static func utf8(_ body: [UInt8]) -> [UInt8] {
        let withoutMark = body.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(body.dropFirst(3)) : body
        return UTF8Validation.repaired(withoutMark)
    }

    /// `utf-16` follows the byte order mark and is little-endian without one. A lone last byte is dropped.
    private static func utf8(fromUTF16 body: [UInt8], _ charset: String) -> [UInt8] {
        let bigMark = body.starts(with: [0xFE, 0xFF])
        let isBig = charset == "utf-16be" || (charset == "utf-16" && bigMark)
        let hasMark = isBig ? bigMark : body.starts(with: [0xFF, 0xFE])
        var units: [UInt16] = []
        units.reserveCapacity(body.count / 2)
        var index = hasMark ? 2 : 0
        while index + 1 < body.count {
            let (a, b) = (UInt16(body[index]), UInt16(body[index + 1]))
            units.append(isBig ? a << 8 | b : b << 8 | a)
            index += 2
        }
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }
}

/// A Content-Type field: its type and subtype, and the charset parameter. Most fields are compared and forgotten, so a
/// text is made only of a charset.
struct MediaType {
    /// Type and subtype as they were sent.
    private let sent: ArraySlice<UInt8>
    /// In lower case.
    private(set) var charset: String?

    /// Type and subtype in lower case.
    var essence: String { Self.lowercased(sent) }

    /// Whether `name`, in lower case, is the type with its subtype.
    func isEssence(_ name: String) -> Bool { equalsIgnoringCase(sent, name) }

    init?(_ field: String) { self.init(Array(field.utf8)[...]) }

    /// nil unless the field has the form of RFC 9110 §8.3.1.
    init?(_ field: ArraySlice<UInt8>) {
        let semicolon = UInt8(ascii: ";")
        var rest = field
        let end = rest.firstIndex(of: semicolon) ?? rest.endIndex
        sent = trimmedWhitespace(rest[..<end])
        guard let slash = sent.firstIndex(of: UInt8(ascii: "/")), slash != sent.startIndex,
            slash + 1 != sent.endIndex, sent[..<slash].allSatisfy(isTokenByte),
            sent[(slash + 1)...].allSatisfy(isTokenByte)
        else { return nil }
        rest = rest[end...]
        while rest.first == semicolon {
            let part = rest.dropFirst().prefix { $0 != semicolon }
            rest = rest[part.endIndex...]
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            guard charset == nil, equalsIgnoringCase(trimmedWhitespace(part[..<equals]), "charset") else { continue }
            var value = trimmedWhitespace(part[(equals + 1)...])
            let quote = UInt8(ascii: "\"")
            if value.count >= 2, value.first == quote, value.last == quote { value = value.dropFirst().dropLast() }
            charset = Self.lowercased(value)
        }
    }

    private static func lowercased(_ text: ArraySlice<UInt8>) -> String {
        String(decoding: text, as: UTF8.self).lowercased()
    }
}

extension JSONToken {
    /// JavaScript's ToBoolean of the value.
    func isTruthy(in text: [UInt8]) -> Bool {
        switch kind {
        case .null, .false: false
        case .string: range.count > 2
        case .number: JSONNumber.parse(text[range]) != 0
        case .true, .array, .object: true
        }
    }
}
