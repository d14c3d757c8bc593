/// The header fields of a request: ordered, duplicates kept, looked up without regard to case.
///
/// The bytes stay as they arrived, in one array; a lookup compares bytes and builds a `String` only for the value asked
/// for, so a request whose headers nobody reads costs one copy and no strings.
package struct Headers: Sendable {
    /// Where one field lies in `bytes`. 16 bits hold every offset because a header block is at most 64 KiB.
    struct Slot: Sendable {
        var name: Range<UInt16>
        var value: Range<UInt16>
    }

    let bytes: [UInt8]
    let slots: [Slot]

    /// How many fields there are, duplicates counted.
    package var count: Int { slots.count }

    /// The first value of `name`, or nil.
    ///
    /// - Complexity: O(fields); no allocation but the value's string.
    package subscript(_ name: String) -> String? {
        for slot in slots where matches(slot, name) { return text(slot.value) }
        return nil
    }

    /// The bytes of the first value of `name`, for those who need no text of it.
    package func bytes(of name: String) -> ArraySlice<UInt8>? {
        for slot in slots where matches(slot, name) {
            return bytes[Int(slot.value.lowerBound)..<Int(slot.value.upperBound)]
        }
        return nil
    }

    /// Every value of `name`, in the order they came.
    package func all(_ name: String) -> [String] {
        var values: [String] = []
        for slot in slots where matches(slot, name) { values.append(text(slot.value)) }
        return values
    }

    /// Whether there is a field `name`, with any value.
    package func contains(_ name: String) -> Bool {
        slots.contains { matches($0, name) }
    }

    /// Every field in the order they came.
    package var fields: [(name: String, value: String)] {
        slots.map { (text($0.name), text($0.value)) }
    }

    /// Whether the comma-separated lists in the fields `name` hold `token`, compared without regard to case.
    package func hasToken(_ token: String, in name: String) -> Bool {
        for slot in slots where matches(slot, name) {
            var rest = bytes[Int(slot.value.lowerBound)..<Int(slot.value.upperBound)]
            while !rest.isEmpty {
                let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
                let item = trimmedWhitespace(rest[rest.startIndex..<end])
                if equalsIgnoringCase(item, token) { return true }
                rest = end < rest.endIndex ? rest[(end + 1)...] : rest[rest.endIndex...]
            }
        }
        return false
    }

    private func text(_ range: Range<UInt16>) -> String {
        String(decoding: bytes[Int(range.lowerBound)..<Int(range.upperBound)], as: UTF8.self)
    }

    private func matches(_ slot: Slot, _ name: String) -> Bool {
        slot.name.count == name.utf8.count
            && equalsIgnoringCase(
                bytes.span.extracting(Int(slot.name.lowerBound)..<Int(slot.name.upperBound)), name.utf8.span)
    }
}

/// Compares ASCII letters without regard to case and every other byte exactly.
package func equalsIgnoringCase(_ bytes: ArraySlice<UInt8>, _ text: String) -> Bool {
    equalsIgnoringCase(bytes.span, text.utf8.span)
}

/// The same for two texts.
func equalsIgnoringCase(_ a: String, _ b: String) -> Bool {
    equalsIgnoringCase(a.utf8.span, b.utf8.span)
}

private func equalsIgnoringCase(_ a: borrowing Span<UInt8>, _ b: borrowing Span<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    for index in a.indices where a[index] != b[index] && lowercasedASCII(a[index]) != lowercasedASCII(b[index]) {
        return false
    }
    return true
}

@inline(__always)
func lowercasedASCII(_ byte: UInt8) -> UInt8 {
    byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
}

/// `bytes` without the spaces and tabs at both ends (OWS of RFC 9110 §5.6.3).
package func trimmedWhitespace(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var slice = bytes
    while let first = slice.first, first == 0x20 || first == 0x09 { slice.removeFirst() }
    while let last = slice.last, last == 0x20 || last == 0x09 { slice.removeLast() }
    return slice
}
