/// Whether bytes are UTF-8 (RFC 3629), and what they become if they are not.
package enum UTF8Validation {
    /// No overlong forms, no surrogates, nothing above U+10FFFF. Eight bytes a step while all are ASCII.
    package static func isValid(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { raw in
            var index = 0
            while index < raw.count {
                while index + 8 <= raw.count,
                    raw.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
                {
                    index += 8
                }
                guard index < raw.count else { break }
                if raw[index] < 0x80 {
                    index += 1
                    continue
                }
                let length = sequenceLength(raw, at: index)
                guard length > 0 else { return false }
                index += length
            }
            return true
        }
    }

    /// The bytes with every maximal ill-formed part replaced by U+FFFD (Unicode 3.9, as browsers and Node decode).
    package static func repaired(_ bytes: [UInt8]) -> [UInt8] {
        isValid(bytes) ? bytes : Array(String(decoding: bytes, as: UTF8.self).utf8)
    }

    /// The length of the well-formed multi-byte sequence at `index`, or 0.
    private static func sequenceLength(_ raw: UnsafeRawBufferPointer, at index: Int) -> Int {
        let lead = raw[index]
        let (length, second): (Int, ClosedRange<UInt8>) =
            switch lead {
            case 0xC2...0xDF: (2, 0x80...0xBF)
            case 0xE0: (3, 0xA0...0xBF)
            case 0xED: (3, 0x80...0x9F)
            case 0xE1...0xEF: (3, 0x80...0xBF)
            case 0xF0: (4, 0x90...0xBF)
            case 0xF1...0xF3: (4, 0x80...0xBF)
            case 0xF4: (4, 0x80...0x8F)
            default: (0, 0x80...0xBF)
            }
        guard length > 0, index + length <= raw.count, second.contains(raw[index + 1]) else { return 0 }
        for offset in 2..<max(length, 2) where raw[index + offset] & 0xC0 != 0x80 { return 0 }
        return length
    }
}
