internal import Glibc

/// A reply that is written straight to a socket, for clients that have no request the library could answer.
enum RawReply {
    case badRequest
    case overloaded
    case requestTimeout
    case tooLarge

    private var text: StaticString {
        switch self {
        case .badRequest:
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        case .overloaded:
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        case .requestTimeout:
            "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        case .tooLarge:
            "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        }
    }

    /// Best effort: a socket that takes no bytes now gets none.
    func send(to descriptor: Int32) {
        let text = text
        _ = unsafe Glibc.send(
            descriptor, text.utf8Start, text.utf8CodeUnitCount, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    }
}
