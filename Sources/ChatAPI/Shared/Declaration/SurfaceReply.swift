internal import ChatEngine
internal import HTTPTransport

/// A complete JSON reply of a surface, thrown where it is an error. Each surface has a type of its own, with the error
/// bodies of its contract.
protocol SurfaceReply: Error, Sendable {
    var status: Int { get set }
    var body: [UInt8] { get set }
    var retryAfterSeconds: Int? { get set }

    init(_ status: Int, _ body: [UInt8])
}

extension SurfaceReply {
    /// Writes a body of up to about `size` bytes.
    init(_ status: Int, reserving size: Int = 512, _ write: (inout [UInt8]) -> Void) {
        var out: [UInt8] = []
        out.reserveCapacity(size)
        write(&out)
        self.init(status, out)
    }

    /// An object of strings.
    init(_ status: Int, _ members: KeyValuePairs<StaticString, String>) {
        self.init(status) { out in
            out.append(UInt8(ascii: "{"))
            for (index, (key, value)) in members.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                key.withUTF8Buffer { out.append(jsonString: $0) }
                out.append(UInt8(ascii: ":"))
                out.append(jsonString: value)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    /// The same with the wait that a client is asked for.
    func retry(afterSeconds seconds: Int) -> Self {
        var reply = self
        reply.retryAfterSeconds = seconds
        return reply
    }

    /// Answers with an ETag, and with 304 where the client has that very body.
    func sendTagged(_ request: Request, _ exchange: any Exchange) {
        if let retryAfterSeconds { exchange.addHeader("Retry-After", String(retryAfterSeconds)) }
        exchange.respond(EntityTag.response(status: status, json: body, for: request))
    }
}

extension JSONBody.Problem {
    /// The status that Express answers with.
    var status: Int {
        switch self {
        case .malformed, .notAnObject, .malformedEncoding: 400
        case .tooLarge: 413
        case .unsupportedCharset, .unsupportedEncoding: 415
        }
    }

    /// In the wording of Express' body parser.
    var message: String {
        switch self {
        case .malformed(let error): error.message
        case .notAnObject: "The top level must be an object or an array"
        case .tooLarge: "request entity too large"
        case .unsupportedCharset(let name): "unsupported charset \"\(name)\""
        case .unsupportedEncoding(let name): "unsupported content encoding \"\(name)\""
        case .malformedEncoding(let reason): reason
        }
    }
}
