// Packets of the Socket.IO protocol, revision 5:
//
//     <type>[<attachments>-][<namespace>,][<acknowledgement id>][<JSON>]
//
// in an Engine.IO text message, then each attachment in a binary message of its own.

struct SocketPacket: Sendable, Equatable {
    enum Kind: UInt8, Sendable {
        case connect = 0x30
        case disconnect, event, acknowledgement, connectError, binaryEvent, binaryAcknowledgement

        var isBinary: Bool { self == .binaryEvent || self == .binaryAcknowledgement }
    }

    enum Body: Sendable, Equatable {
        /// The JSON object that came with it, if any.
        case connect([UInt8]?)
        case disconnect
        case event(name: String, EventArguments)
        case acknowledgement(EventArguments)
        /// A JSON text.
        case connectError([UInt8])
    }

    var namespace = "/"
    var id: UInt64?
    var body: Body

    /// Events that only libraries emit; a client that sends one breaks the protocol.
    static let reservedEvents: Set<String> = [
        "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
    ]

    // MARK: encoding

    /// The messages to be sent, the text first.
    func encoded() -> [WebSocketMessage] {
        var text: [UInt8] = []
        var attachments: [[UInt8]] = []
        func begin(_ kind: Kind) {
            text.append(kind.rawValue)
            if kind.isBinary { text += Array("\(attachments.count)-".utf8) }
            if namespace != "/" { text += Array("\(namespace),".utf8) }
            if let id { text += Array(String(id).utf8) }
        }
        switch body {
        case .connect(let json):
            begin(.connect)
            if let json { text += json }
        case .disconnect: begin(.disconnect)
        case .connectError(let json):
            begin(.connectError)
            text += json
        case .event(let name, let arguments):
            attachments = arguments.attachments
            begin(attachments.isEmpty ? .event : .binaryEvent)
            var element: [UInt8] = []
            JSONText.append(string: name, to: &element)
            SocketPacket.appendArray([element] + arguments.values, to: &text)
        case .acknowledgement(let arguments):
            attachments = arguments.attachments
            begin(attachments.isEmpty ? .acknowledgement : .binaryAcknowledgement)
            SocketPacket.appendArray(arguments.values, to: &text)
        }
        return [.text(text)] + attachments.map { .binary($0) }
    }

    private static func appendArray(_ elements: [[UInt8]], to text: inout [UInt8]) {
        text.append(UInt8(ascii: "["))
        for (index, element) in elements.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            text += element
        }
        text.append(UInt8(ascii: "]"))
    }
}
