/// Bounds of what one JSON document may bring, so that a small body cannot cost much work or stack.
package struct JSONLimits: Sendable {
    /// Nested arrays and objects. The scanner recurses once a level; 512 levels take well under 128 KiB of stack, and no
    /// document of a client comes near it.
    package var depth: Int
    /// Bytes of the whole document.
    package var bytes: Int

    package init(depth: Int = 512, bytes: Int = 16 << 20) {
        self.depth = depth
        self.bytes = bytes
    }
}

/// Why a text is not JSON (RFC 8259), and at which byte.
package struct JSONError: Error, Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        case unexpectedEnd
        case unexpectedByte(UInt8)
        case controlCharacter
        case badEscape
        case badNumber
        case trailingText
        case tooDeep
        case tooLarge
    }
    package var reason: Reason
    /// Byte offset into the text.
    package var offset: Int

    package init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    /// One sentence in the manner of V8's messages.
    package var message: String {
        switch reason {
        case .unexpectedEnd: "Unexpected end of JSON input"
        case .unexpectedByte(let byte):
            byte > 0x20 && byte < 0x7F
                ? "Unexpected token '\(Character(UnicodeScalar(byte)))' in JSON at position \(offset)"
                : "Unexpected token in JSON at position \(offset)"
        case .controlCharacter: "Bad control character in string literal in JSON at position \(offset)"
        case .badEscape: "Bad escaped character in JSON at position \(offset)"
        case .badNumber: "No number after minus sign or malformed number in JSON at position \(offset)"
        case .trailingText: "Unexpected non-whitespace character after JSON at position \(offset)"
        case .tooDeep: "JSON nested too deeply at position \(offset)"
        case .tooLarge: "JSON document too large"
        }
    }
}
