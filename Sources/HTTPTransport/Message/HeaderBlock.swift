/// Header fields in wire form: `Name: value`, line end, and so on. Put together once where the fields never change.
package struct HeaderBlock: Sendable {
    /// The wire form with two `lineEndMask` for every CR and LF; `ResponseWriter` says why.
    private(set) var bytes: [UInt8] = []
    /// False once a field was refused; a reply with such a block becomes a bare 500.
    private(set) var isValid = true

    /// Stands for CR and for LF; no valid field has it.
    static let lineEndMask: UInt8 = 0x01

    package init() {}

    package init(_ fields: [(name: String, value: String)]) {
        for (name, value) in fields { append(name, value) }
    }

    package var isEmpty: Bool { bytes.isEmpty }

    /// The fields again, for tests and for exchanges without a socket.
    package var fields: [(name: String, value: String)] {
        bytes.split(separator: HeaderBlock.lineEndMask).map { line in
            let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
            return (
                String(decoding: line[line.startIndex..<colon], as: UTF8.self),
                String(decoding: line[min(colon + 2, line.endIndex)...], as: UTF8.self)
            )
        }
    }

    /// Adds a field; one with a control character in it (RFC 9110 §5.5 allows only the tab) makes the block invalid.
    mutating func append(_ name: String, _ value: String) {
        if name.isEmpty { isValid = false }
        append(name)
        bytes.append(UInt8(ascii: ":"))
        bytes.append(0x20)
        append(value)
        bytes.append(HeaderBlock.lineEndMask)
        bytes.append(HeaderBlock.lineEndMask)
    }

    private mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            // Without an early way out, so that it becomes vector instructions.
            var controls: UInt8 = 0
            for index in 0..<utf8.count {
                let byte = unsafe utf8[index]
                controls |= (byte < 0x20 && byte != 0x09) || byte == 0x7F ? 1 : 0
            }
            if controls != 0 { isValid = false }
            unsafe bytes.append(contentsOf: utf8)
        }
    }

    mutating func append(_ block: HeaderBlock) {
        bytes.append(contentsOf: block.bytes)
        isValid = isValid && block.isValid
    }

    /// Takes `Connection` and `Keep-Alive` out.
    mutating func removePersistence() {
        let all = fields
        guard all.contains(where: { Self.isPersistence($0.name) }) else { return }
        let wasValid = isValid
        removeAll()
        for (name, value) in all where !Self.isPersistence(name) { append(name, value) }
        isValid = wasValid
    }

    private static func isPersistence(_ name: String) -> Bool {
        equalsIgnoringCase(name, "connection") || equalsIgnoringCase(name, "keep-alive")
    }

    /// What Node tells clients of a connection that is kept, although it goes without saying; shorter than it is, so that
    /// a client that heeds it never meets a close.
    package static let persistence = HeaderBlock([("Connection", "keep-alive"), ("Keep-Alive", "timeout=5")])

    /// Forgets every field and keeps the memory.
    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        isValid = true
    }
}

extension HeaderBlock {
    /// The bytes for one last, destructive use: the block counts as used up afterwards.
    mutating func withMaskedForm<R>(_ body: (UnsafeMutableBufferPointer<UInt8>) -> R) -> R {
        unsafe bytes.withUnsafeMutableBufferPointer { unsafe body($0) }
    }
}
