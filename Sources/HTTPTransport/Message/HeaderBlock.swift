/// Header fields in wire form: `Name: value`, CR, LF and so on. Put together once where the fields never change.
package struct HeaderBlock: Sendable {
    private(set) var bytes: [UInt8] = []
    /// False once a field was refused; a reply with such a block becomes a bare 500.
    private(set) var isValid = true

    package init() {}

    package init(_ fields: [(name: String, value: String)]) {
        for (name, value) in fields { append(name, value) }
    }

    package var isEmpty: Bool { bytes.isEmpty }

    /// The fields again, for tests and for exchanges without a socket.
    package var fields: [(name: String, value: String)] {
        bytes.split(separator: 0x0A).map { line in
            let line = line.dropLast()
            let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
            return (
                String(decoding: line[line.startIndex..<colon], as: UTF8.self),
                String(decoding: line[min(colon + 2, line.endIndex)...], as: UTF8.self)
            )
        }
    }

    /// Adds a field; one with a control character in it (RFC 9110 §5.5 allows only the tab) makes the block invalid.
    mutating func append(_ name: String, _ value: String) {
        let start = bytes.count
        bytes.append(contentsOf: name.utf8)
        bytes.append(UInt8(ascii: ":"))
        bytes.append(0x20)
        bytes.append(contentsOf: value.utf8)
        for index in start..<bytes.count where (bytes[index] < 0x20 && bytes[index] != 0x09) || bytes[index] == 0x7F {
            isValid = false
        }
        if name.isEmpty { isValid = false }
        bytes.append(0x0D)
        bytes.append(0x0A)
    }

    mutating func append(_ block: HeaderBlock) {
        bytes.append(contentsOf: block.bytes)
        isValid = isValid && block.isValid
    }

    /// Forgets every field and keeps the memory.
    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        isValid = true
    }
}

extension HeaderBlock {
    /// The bytes for one last, destructive use: the block counts as used up afterwards.
    mutating func withWireForm<R>(_ body: (UnsafeMutableBufferPointer<UInt8>) -> R) -> R {
        unsafe bytes.withUnsafeMutableBufferPointer { unsafe body($0) }
    }
}
