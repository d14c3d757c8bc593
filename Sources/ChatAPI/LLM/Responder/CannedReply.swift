internal import ChatEngine

/// The texts that the surface answers with when no model is behind it.
///
/// JavaScript cuts a message at a number of UTF-16 units, also through a surrogate pair, and `JSON.stringify` then writes
/// the lone half as an escape; what it stores has U+FFFD there. So these texts are WTF-8: UTF-8 in which a lone surrogate
/// may stand as its three bytes. `append(wtf8:)` writes the escape, `utf8` gives what is stored.
struct CannedReply: Hashable, Sendable {
    /// WTF-8.
    let text: [UInt8]

    /// The whole reply of `POST /chat`.
    init(to message: UTF8Text) {
        text = Self.text(#"Chat system online. I received your message: ""#, message, units: 50)
    }

    /// What `POST /chat/stream` streams.
    init(streamedTo message: UTF8Text) {
        text = Self.text(
            #"""
            This is a simulated streaming response to your message. Each word will arrive separately, simulating how a \#
            real LLM would stream tokens. Your message was: "
            """#, message, units: 100)
    }

    private static func text(_ start: StaticString, _ message: UTF8Text, units: Int) -> [UInt8] {
        var text: [UInt8] = []
        text.append(key: start)
        text += message.wtf8Prefix(units)
        if message.utf16Count > units { text += Array("...".utf8) }
        text.append(UInt8(ascii: "\""))
        return text
    }

    var utf8: UTF8Text { UTF8Text(valid: UTF8Validation.repairedSurrogates(text)) }

    /// The text cut behind each blank, the blank with what comes before it.
    var tokens: [[UInt8]] {
        var tokens: [[UInt8]] = []
        var start = 0
        for (index, byte) in text.enumerated() where byte == 0x20 {
            tokens.append(Array(text[start...index]))
            start = index + 1
        }
        tokens.append(Array(text[start...]))
        return tokens
    }
}

extension UTF8Text {
    /// `substring(0, units)` as WTF-8: of a pair that is cut the first half stays.
    func wtf8Prefix(_ units: Int) -> [UInt8] {
        let cut = utf16Prefix(units)
        guard cut.bytes.suffix(3).elementsEqual([0xEF, 0xBF, 0xBD]) else { return Array(cut.bytes) }
        // The replacement is either the text's own or stands for the first half of a pair.
        let place = bytes.startIndex + cut.bytes.count - 3
        guard bytes[place] >= 0xF0 else { return Array(cut.bytes) }
        let scalar =
            UInt32(bytes[place] & 7) << 18 | UInt32(bytes[place + 1] & 63) << 12 | UInt32(bytes[place + 2] & 63) << 6
            | UInt32(bytes[place + 3] & 63)
        let unit = 0xD800 + (scalar - 0x10000) >> 10
        return Array(cut.bytes.dropLast(3))
            + [0xED, UInt8(0x80 | unit >> 6 & 63), UInt8(0x80 | unit & 63)]
    }
}

extension UTF8Validation {
    /// WTF-8 as UTF-8: each lone surrogate becomes U+FFFD.
    static func repairedSurrogates(_ text: [UInt8]) -> [UInt8] {
        var text = text
        for index in text.indices where text[index] == 0xED && index + 2 < text.count && text[index + 1] >= 0xA0 {
            (text[index], text[index + 1], text[index + 2]) = (0xEF, 0xBF, 0xBD)
        }
        return text
    }
}

extension Array where Element == UInt8 {
    /// Appends WTF-8 as a JSON string literal; lone surrogates as `\udXXX`.
    mutating func append(jsonWTF8 text: some Collection<UInt8>) {
        let text = Array(text)
        var literal: [UInt8] = []
        literal.append(jsonString: text)
        var start = 0
        for index in literal.indices
        where literal[index] == 0xED && index + 2 < literal.count && literal[index + 1] >= 0xA0 {
            append(contentsOf: literal[start..<index])
            let unit =
                Int(literal[index] & 15) << 12 | Int(literal[index + 1] & 63) << 6 | Int(literal[index + 2] & 63)
            append(key: #"\u"#)
            append(contentsOf: String(unit, radix: 16).utf8)
            start = index + 3
        }
        append(contentsOf: literal[start...])
    }
}
