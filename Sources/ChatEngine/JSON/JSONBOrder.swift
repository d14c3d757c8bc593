/// A document as it comes back after PostgreSQL's `jsonb` and JavaScript's `JSON.parse` have both had it: compact, and in
/// every object integer-like keys first, ascending (JavaScript), then by length in bytes, then bytewise (`jsonb`).
///
/// From text to text, because every message may have such a document:
///   1. go through the text once and note every value's place and its members' or elements' places;
///   2. write the values in their order: what JavaScript would print as it stands is copied, the rest is decoded and
///      printed.
///
/// Invariant: the text was validated by a `JSONScanner` before. The time is linear in the text, but for the sorting.
package struct JSONBOrder {
    /// One value. Those inside it are a list: `first`, and from there by `next`.
    private struct Node {
        var start: Int
        var end = 0
        /// The literal of its key; empty without one.
        var key = 0..<0
        var first = -1
        var next = -1
    }

    private let text: [UInt8]
    private var nodes: [Node] = []
    private var out: [UInt8] = []

    /// The value that stands at `start` of a validated text.
    package static func canonical(_ text: [UInt8], at start: Int = 0) -> [UInt8] {
        var order = JSONBOrder(text: text)
        order.nodes.reserveCapacity(8)
        let root = order.index(order.skipSpace(start))
        order.out.reserveCapacity(order.nodes[root].end - order.nodes[root].start)
        order.write(root)
        return order.out
    }

    private init(text: [UInt8]) { self.text = text }

    // MARK: Places

    /// Notes the value at `start` with all that is in it.
    private mutating func index(_ start: Int) -> Int {
        let place = nodes.count
        nodes.append(Node(start: start))
        switch text[start] {
        case Byte.openBrace, Byte.openBracket: nodes[place].end = indexMembers(of: place)
        case Byte.quote: nodes[place].end = stringEnd(start)
        default:
            var end = start + 1
            while end < text.count, Self.continuesLiteral(text[end]) { end += 1 }
            nodes[place].end = end
        }
        return place
    }

    private mutating func indexMembers(of place: Int) -> Int {
        var position = skipSpace(nodes[place].start + 1)
        var last = -1
        while text[position] != Byte.closeBrace && text[position] != Byte.closeBracket {
            var key = 0..<0
            if text[nodes[place].start] == Byte.openBrace {
                key = position..<stringEnd(position)
                position = skipSpace(skipSpace(key.upperBound) + 1)
            }
            let node = index(position)
            nodes[node].key = key
            if last < 0 { nodes[place].first = node } else { nodes[last].next = node }
            last = node
            position = skipSpace(nodes[node].end)
            if text[position] == Byte.comma { position = skipSpace(position + 1) }
        }
        return position + 1
    }

    private func stringEnd(_ start: Int) -> Int {
        var position = start + 1
        while text[position] != Byte.quote { position += text[position] == Byte.backslash ? 2 : 1 }
        return position + 1
    }

    private func skipSpace(_ start: Int) -> Int {
        var position = start
        while position < text.count, text[position] <= 0x20 { position += 1 }
        return position
    }

    private static func continuesLiteral(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte != Byte.comma && byte != Byte.closeBrace && byte != Byte.closeBracket
    }

    // MARK: Writing

    private mutating func write(_ node: Int) {
        let range = nodes[node].start..<nodes[node].end
        switch text[range.lowerBound] {
        case Byte.openBrace: writeObject(node)
        case Byte.openBracket:
            out.append(Byte.openBracket)
            var element = nodes[node].first
            while element >= 0 {
                if element != nodes[node].first { out.append(Byte.comma) }
                write(element)
                element = nodes[element].next
            }
            out.append(Byte.closeBracket)
        case Byte.quote: writeString(range)
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): out.append(contentsOf: text[range])
        default:
            if JSONNumber.isCanonical(text[range]) {
                out.append(contentsOf: text[range])
            } else {
                out.append(jsonNumber: JSONNumber.parse(text[range]))
            }
        }
    }

    private mutating func writeObject(_ node: Int) {
        var members: [Member] = []
        var isOrdered = true
        var place = nodes[node].first
        while place >= 0 {
            let member = Member(key: decoded(nodes[place].key), node: place)
            if let last = members.last, !(last < member) || last.key == member.key { isOrdered = false }
            members.append(member)
            place = nodes[place].next
        }
        if !isOrdered { members.sort() }
        out.append(Byte.openBrace)
        var isFirst = true
        for index in members.indices {
            // A key that comes twice counts with its last value.
            if index + 1 < members.count, members[index].key == members[index + 1].key { continue }
            if !isFirst { out.append(Byte.comma) }
            isFirst = false
            writeString(nodes[members[index].node].key)
            out.append(UInt8(ascii: ":"))
            write(members[index].node)
        }
        out.append(Byte.closeBrace)
    }

    /// Only what is escaped can be printed in another way than it was written.
    private mutating func writeString(_ literal: Range<Int>) {
        if text[literal].contains(Byte.backslash) {
            out.append(jsonString: decoded(literal))
        } else {
            out.append(contentsOf: text[literal])
        }
    }

    private func decoded(_ literal: Range<Int>) -> ArraySlice<UInt8> {
        guard text[literal].contains(Byte.backslash) else { return text[literal.dropFirst().dropLast()] }
        return JSONString.decode(JSONToken(.string, literal, .escape), in: text)[...]
    }

    /// A member in the order of its object; one key's later member comes later.
    private struct Member: Comparable {
        let key: ArraySlice<UInt8>
        let node: Int

        /// The key's value if JavaScript treats it as an array index: "0", "1" … "4294967294".
        private var arrayIndex: UInt32? {
            guard let first = key.first, first &- UInt8(ascii: "0") < 10, key.count <= 10,
                first != UInt8(ascii: "0") || key.count == 1
            else { return nil }
            var value: UInt64 = 0
            for byte in key {
                guard byte &- UInt8(ascii: "0") < 10 else { return nil }
                value = value * 10 + UInt64(byte - UInt8(ascii: "0"))
            }
            return value < UInt64(UInt32.max) ? UInt32(value) : nil
        }

        static func < (a: Member, b: Member) -> Bool {
            switch (a.arrayIndex, b.arrayIndex) {
            case (let x?, let y?): return x != y ? x < y : a.node < b.node
            case (_?, nil): return true
            case (nil, _?): return false
            case (nil, nil): break
            }
            if a.key.count != b.key.count { return a.key.count < b.key.count }
            return a.key == b.key ? a.node < b.node : a.key.lexicographicallyPrecedes(b.key)
        }
    }
}
