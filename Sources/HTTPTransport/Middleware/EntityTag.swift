/// The entity tags of Express, and conditional GET (RFC 9110 §13).
package enum EntityTag {
    /// `W/"<length in hex>-<first 27 characters of base64(sha1(body))>"`.
    package static func weak(_ body: [UInt8]) -> String {
        let digest = Base64.encode(Cryptography.sha1(body))
        return "W/\"\(String(body.count, radix: 16))-\(digest.prefix(27))\""
    }

    /// Adds an ETag to a reply that has a body and none yet, and makes it a 304 where the client has that very body.
    package static func apply(to response: inout Response, for request: Request) {
        guard case .bytes(let body) = response.body else { return }
        var tag = response.header("ETag")
        if tag == nil {
            let computed = weak(body)
            response.headers.append(("ETag", computed))
            tag = computed
        }
        guard let tag, isFresh(request, status: response.status, tag: tag) else { return }
        // The body stays: the library sends none of it with a 304, but says its length (RFC 9110 §8.6).
        response.status = 304
        response.headers.removeAll { equalsIgnoringCase(Array($0.name.utf8)[...], "content-type") }
    }

    /// Whether `If-None-Match` lists `tag` (weak comparison) or is `*`; only for GET and HEAD with a 2xx, and not
    /// where the request says `Cache-Control: no-cache`.
    package static func isFresh(_ request: Request, status: Int, tag: String) -> Bool {
        guard request.method == "GET" || request.method == "HEAD", (200..<300).contains(status),
            let condition = request.headers["If-None-Match"],
            !request.headers.hasToken("no-cache", in: "Cache-Control")
        else { return false }
        if condition == "*" { return true }
        let wanted = opaque(tag[...])
        return condition.split(separator: ",").contains { entry in
            let trimmed = trimmedWhitespace(Array(entry.utf8)[...])
            return opaque(String(decoding: trimmed, as: UTF8.self)[...]) == wanted
        }
    }

    private static func opaque(_ tag: Substring) -> Substring {
        tag.hasPrefix("W/") ? tag.dropFirst(2) : tag
    }

    /// Applies to every reply that passes.
    package static let middleware: Middleware = { next in
        { request, exchange in
            next(request, TransformingExchange(exchange) { apply(to: &$0, for: request) })
        }
    }
}
