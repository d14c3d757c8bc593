/// What an event or an acknowledgement carries: JSON texts, and the binary attachments that stand in them as
/// `{"_placeholder":true,"num":n}`, `n` counted over all arguments together, as on the wire.
///
/// The JSON is valid when it comes from a client, and is not looked at when it comes from the server's code.
package struct EventArguments: Sendable, Equatable {
    package private(set) var values: [[UInt8]] = []
    package private(set) var attachments: [[UInt8]] = []

    package init() {}

    /// Arguments without attachments, each one JSON text.
    package init(json values: [[UInt8]]) { self.values = values }

    /// One argument.
    package init(json value: String) { values = [Array(value.utf8)] }

    init(values: [[UInt8]], attachments: [[UInt8]]) {
        self.values = values
        self.attachments = attachments
    }

    package var count: Int { values.count }

    /// Adds one argument, a JSON text.
    package mutating func append(json: [UInt8]) { values.append(json) }

    package mutating func append(string: String) {
        var text: [UInt8] = []
        JSONText.append(string: string, to: &text)
        values.append(text)
    }

    package mutating func append(binary: [UInt8]) {
        values.append(Array("{\"_placeholder\":true,\"num\":\(attachments.count)}".utf8))
        attachments.append(binary)
    }

    /// The text of the argument at `index`, if it is a JSON string.
    package func string(at index: Int) -> String? {
        values.indices.contains(index) ? JSONText.string(values[index][...]) : nil
    }

    /// The attachment that the argument at `index` is, if it is one as a whole.
    package func binary(at index: Int) -> [UInt8]? {
        guard values.indices.contains(index), !attachments.isEmpty else { return nil }
        var scanner = JSONText(values[index][...])
        guard scanner.isWholeObject(), let found = scanner.placeholders, found.count == 1,
            values[index].starts(with: "{\"_placeholder\":".utf8), attachments.indices.contains(found[0])
        else { return nil }
        return attachments[found[0]]
    }
}
