/// JSON string literals: out of a text into UTF-8, and from UTF-8 into a text, as `JSON.parse` and `JSON.stringify` do.
package enum JSONString {
    /// The string that `token` (of kind `.string`) denotes, as UTF-8. A lone surrogate escape becomes U+FFFD, as it does
    /// when JavaScript encodes such a string.
    package static func decode(_ token: JSONToken, in text: [UInt8]) -> [UInt8] {
        let inner = token.range.lowerBound + 1..<token.range.upperBound - 1
        guard token.contents.contains(.escape) else { return Array(text[inner]) }
        var result: [UInt8] = []
        result.reserveCapacity(inner.count)
        var position = inner.lowerBound
        while position < inner.upperBound {
            let byte = text[position]
            position += 1
            guard byte == Byte.backslash else {
                result.append(byte)
                continue
            }
            let kind = text[position]
            position += 1
            guard kind == UInt8(ascii: "u") else {
                result.append(shortEscape(kind))
                continue
            }
            let unit = codeUnit(at: position, in: text)
            position += 4
            var scalar = UInt32(unit)
            if unit & 0xFC00 == 0xD800, position + 6 <= inner.upperBound, text[position] == Byte.backslash,
                text[position + 1] == UInt8(ascii: "u")
            {
                let low = codeUnit(at: position + 2, in: text)
                if low & 0xFC00 == 0xDC00 {
                    scalar = 0x10000 + (UInt32(unit & 0x3FF) << 10 | UInt32(low & 0x3FF))
                    position += 6
                }
            }
            result.append(utf8Of: UnicodeScalar(scalar) ?? "\u{FFFD}")
        }
        return result
    }

    /// Whether `token` (of kind `.string`) denotes exactly `name`, which is ASCII.
    package static func matches(_ token: JSONToken, _ name: StaticString, in text: [UInt8]) -> Bool {
        if token.contents.contains(.escape) {
            let decoded = decode(token, in: text)
            return decoded.count == name.utf8CodeUnitCount
                && decoded.indices.allSatisfy { decoded[$0] == name.utf8Start[$0] }
        }
        guard token.range.count - 2 == name.utf8CodeUnitCount else { return false }
        var offset = token.range.lowerBound + 1
        for index in 0..<name.utf8CodeUnitCount {
            if text[offset] != name.utf8Start[index] { return false }
            offset += 1
        }
        return true
    }

    private static func shortEscape(_ kind: UInt8) -> UInt8 {
        switch kind {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: kind  // the quote, the backslash and the slash stand for themselves
        }
    }

    private static func codeUnit(at position: Int, in text: [UInt8]) -> UInt16 {
        (0..<4).reduce(0) { $0 << 4 | UInt16(text[position + $1].hexDigitValue ?? 0) }
    }
}

extension Array where Element == UInt8 {
    /// Appends a scalar's UTF-8.
    package mutating func append(utf8Of scalar: UnicodeScalar) {
        for byte in UTF8.encode(scalar).unsafelyUnwrapped { append(byte) }
    }

    /// Appends the decimal digits of `value`.
    package mutating func append(decimal value: Int64) { append(upTo: 20) { $0.put(decimal: value) } }

    /// Appends `text` (UTF-8) as a JSON string literal, as `JSON.stringify` writes it: the two-character escapes of
    /// RFC 8259 §7 for quote, backslash, BS, TAB, LF, FF, CR; `\u00xx` for the other controls; all else raw.
    package mutating func append(jsonString text: Span<UInt8>) {
        let escapedCount = JSONString.escapedCount(text)
        append(upTo: escapedCount + 2) { out in
            out.put(Byte.quote)
            out.put(escaping: text, escapedCount: escapedCount)
            out.put(Byte.quote)
        }
    }

    package mutating func append(jsonString text: [UInt8]) { append(jsonString: text.span) }
    package mutating func append(jsonString text: ArraySlice<UInt8>) { append(jsonString: text.span) }

    package mutating func append(jsonString text: some Collection<UInt8>) {
        let handled: Void? = text.withContiguousStorageIfAvailable { append(jsonString: $0.span) }
        if handled == nil { append(jsonString: [UInt8](text).span) }
    }

    /// Appends a string as a JSON string literal.
    package mutating func append(jsonString text: String) {
        var text = text
        text.withUTF8 { append(jsonString: $0.span) }
    }
}

// MARK: Escapes

extension JSONString {
    /// The bytes of a text between the quotes of its literal: as many as the text has if it needs no escape.
    package static func escapedCount(_ text: Span<UInt8>) -> Int {
        text.withUnsafeBufferPointer { text in
            var count = text.count
            forEachRun(text, run: { _ in }, escape: { count += escape(of: $0).count - 1 })
            return count
        }
    }

    /// Writes exactly `escapedCount` bytes.
    static func escape(_ text: UnsafeBufferPointer<UInt8>, to out: UnsafeMutableBufferPointer<UInt8>) {
        var position = 0
        func put(_ byte: UInt8) {
            out.initializeElement(at: position, to: byte)
            position += 1
        }
        func put(escapeOf byte: UInt8) {
            put(Byte.backslash)
            let escape = escape(of: byte)
            put(escape.letter)
            guard escape.count > 2 else { return }
            put(UInt8(ascii: "0"))
            put(UInt8(ascii: "0"))
            put(UInt8(ascii: "0") + (byte >> 4))
            put(hexDigit(byte & 15))
        }
        forEachRun(
            text, run: { position = out[position...].initialize(fromContentsOf: text[$0]) },
            escape: { put(escapeOf: $0) })
        precondition(position == out.count, "not the text that was counted")
    }

    /// Goes through a text in runs that need no escape and single bytes that do. Blocks of 32 bytes, then words of 8, are
    /// passed over at once if nothing in them needs one.
    @inline(__always)
    private static func forEachRun(
        _ text: UnsafeBufferPointer<UInt8>, run: (Range<Int>) -> Void, escape: (UInt8) -> Void
    ) {
        let raw = UnsafeRawBufferPointer(text)
        let end = raw.count
        var start = 0
        var index = 0
        while index < end {
            let blockEnd = min(index + 32, end)
            if index + 32 <= end, !needsEscape(raw.loadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self)) {
                index = blockEnd
                continue
            }
            while index < blockEnd {
                if index + 8 <= blockEnd, !needsEscape(raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)) {
                    index += 8
                    continue
                }
                let wordEnd = min(index + 8, blockEnd)
                while index < wordEnd {
                    let byte = raw[index]
                    if byte < 0x20 || byte == Byte.quote || byte == Byte.backslash {
                        if index > start { run(start..<index) }
                        escape(byte)
                        start = index + 1
                    }
                    index += 1
                }
            }
        }
        if end > start { run(start..<end) }
    }

    /// The letter behind the backslash, and how many bytes the escape has.
    private static func escape(of byte: UInt8) -> (letter: UInt8, count: Int) {
        switch byte {
        case Byte.quote, Byte.backslash: (byte, 2)
        case 0x08: (UInt8(ascii: "b"), 2)
        case 0x09: (UInt8(ascii: "t"), 2)
        case 0x0A: (UInt8(ascii: "n"), 2)
        case 0x0C: (UInt8(ascii: "f"), 2)
        case 0x0D: (UInt8(ascii: "r"), 2)
        default: (UInt8(ascii: "u"), 6)
        }
    }

    private static var ones: UInt64 { 0x0101_0101_0101_0101 }

    /// Whether one of eight bytes is a control character, a quote or a backslash. Never false where one is; a byte that is
    /// just above another that needs an escape can make it true for nothing.
    @inline(__always)
    static func needsEscape(_ word: UInt64) -> Bool {
        let quote = word ^ (ones &* UInt64(Byte.quote))
        let backslash = word ^ (ones &* UInt64(Byte.backslash))
        // The high bit of a byte of x &- ones is set if the byte is 0 or above 0x80; & ~word takes the latter out again.
        let found = ((word &- (ones &* 0x20)) | (quote &- ones) | (backslash &- ones)) & ~word
        return found & (ones &* 0x80) != 0
    }

    /// The same of four words.
    @inline(__always)
    private static func needsEscape(_ words: SIMD4<UInt64>) -> Bool {
        let quote = words ^ (ones &* UInt64(Byte.quote))
        let backslash = words ^ (ones &* UInt64(Byte.backslash))
        let found = ((words &- (ones &* 0x20)) | (quote &- ones) | (backslash &- ones)) & ~words
        return (found.x | found.y | found.z | found.w) & (ones &* 0x80) != 0
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
