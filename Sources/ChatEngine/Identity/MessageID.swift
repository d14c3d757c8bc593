package import LogStore

/// The external id of a message, in the form that stores smallest.
///
/// Every surface has its own form. Ids that a client or an importer brings are kept verbatim, and any text survives the
/// way in and out unchanged: a compact form is chosen only if it prints as the same bytes.
package enum MessageID: Hashable, Sendable {
    /// `msg_<milliseconds>_<base 36>`: orion has 11 digits, poc 9.
    case timed(milliseconds: UInt64, suffix: Base36)
    /// A UUID in canonical lower-case form.
    case uuid(UUIDValue)
    case verbatim(UTF8Text)

    package init(_ text: UTF8Text) {
        if let uuid = UUIDValue(canonical: text.bytes) {
            self = .uuid(uuid)
        } else if let timed = Self.timed(text.bytes) {
            self = timed
        } else {
            self = .verbatim(text)
        }
    }

    package init(_ text: String) { self.init(UTF8Text(text)) }

    private static let prefix = Array("msg_".utf8)

    private static func timed(_ bytes: ArraySlice<UInt8>) -> MessageID? {
        guard bytes.starts(with: prefix) else { return nil }
        let rest = bytes.dropFirst(prefix.count)
        guard let split = rest.firstIndex(of: UInt8(ascii: "_")) else { return nil }
        let digits = rest[..<split]
        guard (1...15).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            digits.count == 1 || digits.first != UInt8(ascii: "0"),
            let milliseconds = UInt64(String(decoding: digits, as: UTF8.self)),
            let suffix = Base36(digits: rest[(split + 1)...])
        else { return nil }
        return .timed(milliseconds: milliseconds, suffix: suffix)
    }

    /// Appends the id's text.
    package func write(to out: inout [UInt8]) {
        switch self {
        case .timed(let milliseconds, let suffix):
            out.append(upTo: MessageFields.ID.textBound) { $0.put(MessageFields.ID.timed(milliseconds, suffix)) }
        case .uuid(let uuid): uuid.write(to: &out)
        case .verbatim(let text): out.append(contentsOf: text.bytes)
        }
    }

    package var string: String {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Up to 12 digits `0-9a-z` with their leading zeros.
package struct Base36: Hashable, Sendable {
    package let value: UInt64
    package let width: UInt8
    static let maximumWidth = 12

    /// The low `width` base-36 digits of `random`.
    package init(random: UInt64, width: UInt8) {
        precondition((1...Self.maximumWidth).contains(Int(width)))
        var modulus: UInt64 = 1
        for _ in 0..<width { modulus *= 36 }
        value = random % modulus
        self.width = width
    }

    /// - Returns: nil unless the value fits the width.
    init?(value: UInt64, width: UInt8) {
        guard (1...Self.maximumWidth).contains(Int(width)) else { return nil }
        let candidate = Base36(random: value, width: width)
        guard candidate.value == value else { return nil }
        self = candidate
    }

    init?(digits: ArraySlice<UInt8>) {
        guard (1...Self.maximumWidth).contains(digits.count) else { return nil }
        var value: UInt64 = 0
        for byte in digits {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value * 36 + UInt64(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = value * 36 + UInt64(byte - UInt8(ascii: "a")) + 10
            default: return nil
            }
        }
        self.value = value
        width = UInt8(digits.count)
    }

    package func write(to out: inout [UInt8]) {
        out.append(upTo: Self.maximumWidth) { $0.put(base36: value, width: Int(width)) }
    }
}

/// A UUID as its 128 bits.
package struct UUIDValue: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Version 4, variant 1 (RFC 9562 §5.4) of 128 random bits.
    package init(random: any RandomSource) {
        high = random.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        low = random.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    }

    /// The canonical text form: lower-case, hyphens at 8, 13, 18, 23.
    package init?(canonical text: some Collection<UInt8>) {
        guard text.count == 36 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        var digits = 0
        for (index, byte) in text.enumerated() {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let digit = byte.hexDigitValue, !(0x41...0x46).contains(byte) else { return nil }
            if digits < 16 { high = high << 4 | UInt64(digit) } else { low = low << 4 | UInt64(digit) }
            digits += 1
        }
        self.high = high
        self.low = low
    }

    /// A UUID as a client may write it: the canonical form in letters of either case.
    package init?(text: String) {
        self.init(canonical: text.utf8.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 })
    }

    package func write(to out: inout [UInt8]) { out.append(upTo: 36) { $0.put(self) } }

    package var string: String {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
