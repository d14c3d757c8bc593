/// The request line and the header block of one request, as bytes. Immutable, shared by every copy of its `Request`.
final class RequestHead: Sendable {
    let headers: Headers
    let method: String
    /// Where the raw target and its parts lie in `headers.bytes`.
    let target: Range<Int>
    let path: Range<Int>
    let query: Range<Int>
    let version: HTTPVersion

    init(headers: Headers, method: String, target: Range<Int>, version: HTTPVersion) {
        self.headers = headers
        self.method = method
        self.target = target
        self.version = version
        (path, query) = RequestHead.split(headers.bytes, target)
    }

    /// Splits a target into path and query at the first `?`; an absolute-form target (RFC 9112 §3.2.2) loses its
    /// scheme and authority first.
    private static func split(_ bytes: [UInt8], _ target: Range<Int>) -> (path: Range<Int>, query: Range<Int>) {
        var start = target.lowerBound
        if let first = bytes[target].first, first != UInt8(ascii: "/") {
            start = pathStart(ofAbsolute: bytes, target)
        }
        let end = target.upperBound
        let mark = bytes[start..<end].firstIndex(of: UInt8(ascii: "?")) ?? end
        return (start..<mark, min(mark + 1, end)..<end)
    }

    private static func pathStart(ofAbsolute bytes: [UInt8], _ target: Range<Int>) -> Int {
        for scheme in ["http://", "https://"] where bytes[target].count > scheme.utf8.count {
            let authority = target.lowerBound + scheme.utf8.count
            guard equalsIgnoringCase(bytes[target.lowerBound..<authority], scheme) else { continue }
            return bytes[authority..<target.upperBound].firstIndex {
                $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?")
            }
                ?? target.upperBound
        }
        return target.lowerBound
    }
}

/// The versions a request can have here; a higher 1.x counts as 1.1 (RFC 9112 §2.3).
package enum HTTPVersion: String, Sendable {
    case http10 = "HTTP/1.0"
    case http11 = "HTTP/1.1"
}
