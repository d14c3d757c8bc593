/// Validates JSON (RFC 8259) in one pass over UTF-8 bytes and reports where things are, without building anything.
///
/// Steps: `document` skips white space, checks one value and insists on nothing but white space behind it. Every value
/// comes back as a `JSONToken`: its kind, its byte range and what its strings contain. A caller that wants a few members
/// of a top-level object passes a closure to `members` and keeps the tokens that it needs; the whole text has been
/// validated when `members` returns, so no separate pass is needed.
///
/// Invariants: `position` never goes back and never passes the end; the input is valid UTF-8 (`UTF8Validation` before
/// it), so bytes above 0x7F inside strings need no look; recursion is bounded by `limits.depth`.
package struct JSONScanner: ~Escapable {
    private let bytes: Span<UInt8>
    private let limits: JSONLimits
    private var position = 0

    @_lifetime(copy bytes)
    package init(_ bytes: Span<UInt8>, limits: JSONLimits = JSONLimits()) {
        self.bytes = bytes
        self.limits = limits
    }

    /// Checks the whole text. Returns its one value.
    @_lifetime(self: copy self)
    package mutating func document() throws(JSONError) -> JSONToken {
        try begin()
        let token = try value(depth: 0)
        try end()
        return token
    }

    /// Checks the whole text and, if it is an object, shows `body` each of its members in their order.
    /// - Returns: the text's one value; `body` ran only if its kind is `.object`.
    @_lifetime(self: copy self)
    package mutating func members(_ body: (JSONToken, JSONToken) -> Void) throws(JSONError) -> JSONToken {
        try begin()
        guard position < bytes.count, bytes[position] == Byte.openBrace else {
            let token = try value(depth: 0)
            try end()
            return token
        }
        let token = try object(depth: 1, body)
        try end()
        return token
    }

    // MARK: Values

    @_lifetime(self: copy self)
    private mutating func begin() throws(JSONError) {
        guard bytes.count <= limits.bytes else { throw JSONError(.tooLarge, at: limits.bytes) }
        skipSpace()
    }

    @_lifetime(self: copy self)
    private mutating func end() throws(JSONError) {
        skipSpace()
        guard position == bytes.count else { throw JSONError(.trailingText, at: position) }
    }

    @_lifetime(self: copy self)
    private mutating func value(depth: Int) throws(JSONError) -> JSONToken {
        guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
        switch bytes[position] {
        case Byte.openBrace: return try object(depth: depth + 1) { _, _ in }
        case Byte.openBracket: return try array(depth: depth + 1)
        case Byte.quote: return try string()
        case UInt8(ascii: "t"): return try literal("true", .true)
        case UInt8(ascii: "f"): return try literal("false", .false)
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw JSONError(.unexpectedByte(bytes[position]), at: position)
        }
    }

    @_lifetime(self: copy self)
    private mutating func object(
        depth: Int, _ body: (JSONToken, JSONToken) -> Void
    ) throws(JSONError) -> JSONToken {
        let start = position
        guard depth <= limits.depth else { throw JSONError(.tooDeep, at: position) }
        position += 1
        var contents: JSONToken.Contents = []
        skipSpace()
        if try accept(Byte.closeBrace) { return JSONToken(.object, start..<position, contents) }
        while true {
            guard try peek() == Byte.quote else { throw JSONError(.unexpectedByte(bytes[position]), at: position) }
            let key = try string()
            skipSpace()
            guard try accept(UInt8(ascii: ":")) else {
                throw JSONError(.unexpectedByte(bytes[position]), at: position)
            }
            skipSpace()
            let value = try value(depth: depth)
            contents.formUnion(key.contents)
            contents.formUnion(value.contents)
            body(key, value)
            skipSpace()
            if try accept(Byte.closeBrace) { return JSONToken(.object, start..<position, contents) }
            guard try accept(Byte.comma) else { throw JSONError(.unexpectedByte(bytes[position]), at: position) }
            skipSpace()
        }
    }

    @_lifetime(self: copy self)
    private mutating func array(depth: Int) throws(JSONError) -> JSONToken {
        let start = position
        guard depth <= limits.depth else { throw JSONError(.tooDeep, at: position) }
        position += 1
        var contents: JSONToken.Contents = []
        skipSpace()
        if try accept(Byte.closeBracket) { return JSONToken(.array, start..<position, contents) }
        while true {
            contents.formUnion(try value(depth: depth).contents)
            contents.insert(.elements)
            skipSpace()
            if try accept(Byte.closeBracket) { return JSONToken(.array, start..<position, contents) }
            guard try accept(Byte.comma) else { throw JSONError(.unexpectedByte(bytes[position]), at: position) }
            skipSpace()
        }
    }

    @_lifetime(self: copy self)
    private mutating func literal(_ text: StaticString, _ kind: JSONToken.Kind) throws(JSONError) -> JSONToken {
        let start = position
        var matched = 0
        while matched < text.utf8CodeUnitCount {
            guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
            guard bytes[position] == text.utf8Start[matched] else {
                throw JSONError(.unexpectedByte(bytes[position]), at: position)
            }
            position += 1
            matched += 1
        }
        return JSONToken(kind, start..<position, [])
    }

    // MARK: Numbers

    @_lifetime(self: copy self)
    private mutating func number() throws(JSONError) -> JSONToken {
        let start = position
        if bytes[position] == UInt8(ascii: "-") { position += 1 }
        guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
        if bytes[position] == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits()
        }
        var contents: JSONToken.Contents = []
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            try digits()
            contents.insert(.fraction)
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                position += 1
            }
            try digits()
            contents.insert(.fraction)
        }
        return JSONToken(.number, start..<position, contents)
    }

    @_lifetime(self: copy self)
    private mutating func digits() throws(JSONError) {
        let start = position
        while position < bytes.count, bytes[position] >= UInt8(ascii: "0"), bytes[position] <= UInt8(ascii: "9") {
            position += 1
        }
        guard position > start else {
            throw JSONError(position < bytes.count ? .badNumber : .unexpectedEnd, at: position)
        }
    }

    // MARK: Strings

    @_lifetime(self: copy self)
    private mutating func string() throws(JSONError) -> JSONToken {
        let start = position
        position += 1
        var contents: JSONToken.Contents = []
        var highSurrogateEnd = -1
        while position < bytes.count {
            // What means itself is passed eight bytes at a time.
            if position + 8 <= bytes.count,
                !JSONString.needsEscape(bytes.bytes.unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self))
            {
                position += 8
                continue
            }
            let byte = bytes[position]
            if byte == Byte.quote {
                if highSurrogateEnd >= 0 { contents.insert(.loneSurrogate) }
                position += 1
                return JSONToken(.string, start..<position, contents)
            }
            guard byte >= 0x20 else { throw JSONError(.controlCharacter, at: position) }
            guard byte == Byte.backslash else {
                position += 1
                continue
            }
            contents.insert(.escape)
            let escapeStart = position
            guard let unit = try escape() else { continue }
            if unit == 0 { contents.insert(.nul) }
            // A high surrogate must be followed at once by a low one; whatever is left over is lone.
            if unit & 0xFC00 == 0xD800 {
                if highSurrogateEnd >= 0 { contents.insert(.loneSurrogate) }
                highSurrogateEnd = position
            } else if unit & 0xFC00 == 0xDC00 {
                if highSurrogateEnd != escapeStart { contents.insert(.loneSurrogate) }
                highSurrogateEnd = -1
            }
        }
        throw JSONError(.unexpectedEnd, at: position)
    }

    /// Passes one escape. Returns the code unit of a `\u` escape, nil for the short ones.
    @_lifetime(self: copy self)
    private mutating func escape() throws(JSONError) -> UInt16? {
        position += 1
        guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
        switch bytes[position] {
        case Byte.quote, Byte.backslash, UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 1
            return nil
        case UInt8(ascii: "u"):
            position += 1
            var unit: UInt16 = 0
            for _ in 0..<4 {
                guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
                guard let digit = bytes[position].hexDigitValue else { throw JSONError(.badEscape, at: position) }
                unit = unit << 4 | UInt16(digit)
                position += 1
            }
            return unit
        default:
            throw JSONError(.badEscape, at: position)
        }
    }

    // MARK: Bytes

    @_lifetime(self: copy self)
    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private func peek() throws(JSONError) -> UInt8 {
        guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
        return bytes[position]
    }

    @_lifetime(self: copy self)
    private mutating func accept(_ byte: UInt8) throws(JSONError) -> Bool {
        guard try peek() == byte else { return false }
        position += 1
        return true
    }
}

/// Where one JSON value stands in its text, and what is in it.
package struct JSONToken: Hashable, Sendable {
    package enum Kind: Sendable {
        case null
        case `true`
        case `false`
        case number
        case string
        case array
        case object
    }
    /// What a value contains, at any depth.
    package struct Contents: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        /// A backslash escape in a string.
        package static let escape = Contents(rawValue: 1)
        /// `\u0000`.
        package static let nul = Contents(rawValue: 2)
        /// A `\uD800`–`\uDFFF` escape without its partner.
        package static let loneSurrogate = Contents(rawValue: 4)
        /// A number with a fraction or an exponent.
        package static let fraction = Contents(rawValue: 8)
        /// An array with at least one element.
        package static let elements = Contents(rawValue: 16)
    }

    package var kind: Kind
    /// Byte range in the text; a string's includes its quotes.
    package var range: Range<Int>
    package var contents: Contents

    package init(_ kind: Kind, _ range: Range<Int>, _ contents: Contents) {
        self.kind = kind
        self.range = range
        self.contents = contents
    }
}

/// ASCII that JSON gives a meaning.
enum Byte {
    static let quote = UInt8(ascii: "\"")
    static let backslash = UInt8(ascii: "\\")
    static let openBrace = UInt8(ascii: "{")
    static let closeBrace = UInt8(ascii: "}")
    static let openBracket = UInt8(ascii: "[")
    static let closeBracket = UInt8(ascii: "]")
    static let comma = UInt8(ascii: ",")
}

extension UInt8 {
    /// 0…15 for `0-9a-fA-F`.
    package var hexDigitValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
