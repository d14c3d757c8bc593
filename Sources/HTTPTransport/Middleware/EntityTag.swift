/// The entity tags of Express, and conditional GET (RFC 9110 §13).
package enum EntityTag {
    /// `W/"<length in hex>-<first 27 characters of base64(sha1(body))>"`.
    package static func weak(_ body: [UInt8]) -> String {
        var digest = InlineArray<20, UInt8>(repeating: 0)
        unsafe withUnsafeMutableBytes(of: &digest) { unsafe Cryptography.sha1(body, into: $0) }
        // 27 characters hold 162 of the digest's 160 bits: all of it, without the padding.
        return unsafe String(unsafeUninitializedCapacity: 4 + 16 + 27) { text in
            var count = 0
            func put(_ byte: UInt8) {
                unsafe text[count] = byte
                count += 1
            }
            for byte in "W/\"".utf8 { put(byte) }
            let digits = max(1, (body.count.bitWidth - body.count.leadingZeroBitCount + 3) / 4)
            for index in (0..<digits).reversed() { put(hexDigit(body.count >> (4 * index) & 0xF)) }
            put(UInt8(ascii: "-"))
            for start in stride(from: 0, to: 21, by: 3) {
                // Three bytes are four characters; the last two bytes are three.
                let last = start + 2 < 20 ? digest[start + 2] : 0
                let bits = UInt32(digest[start]) << 16 | UInt32(digest[start + 1]) << 8 | UInt32(last)
                put(Base64.character(UInt8(bits >> 18)))
                put(Base64.character(UInt8(bits >> 12 & 0x3F)))
                put(Base64.character(UInt8(bits >> 6 & 0x3F)))
                if start + 2 < 20 { put(Base64.character(UInt8(bits & 0x3F))) }
            }
            put(UInt8(ascii: "\""))
            return count
        }
    }

    private static func hexDigit(_ value: Int) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + UInt8(value) : UInt8(ascii: "a") + UInt8(value - 10)
    }

    /// `application/json; charset=utf-8` with its tag, or a 304 where the client has that very body.
    package static func response(status: Int, json body: [UInt8], for request: Request) -> Response {
        let tag = weak(body)
        let tagField = (name: "ETag", value: tag)
        if isFresh(request, status: status, tag: tag) {
            return Response(status: 304, headers: [tagField], body: .bytes(body))
        }
        return Response(status: status, headers: [Response.jsonType, tagField], body: .bytes(body))
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
        response.headers.removeAll { equalsIgnoringCase($0.name, "content-type") }
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
}
