internal import CZlib

extension Request {
    /// Undoes the Content-Encoding (RFC 9110 §8.4) and puts the outcome into `body` or `bodyError`.
    ///
    /// - Parameter limit: bytes that the decoded body may have; decoding stops there, so that a small body which
    /// decodes to gigabytes costs no more than the limit.
    mutating func decodeContent(limit: Int) {
        guard bodyError == nil, let coding = headers["Content-Encoding"] else { return }
        do throws(BodyError) {
            switch coding.lowercased() {
            case "", "identity": return
            case "gzip", "x-gzip": body = try ContentDecoding.inflate(body, windowBits: 15 + 16, limit: limit)
            case "deflate":
                // RFC 9110 means the zlib format; some senders leave its header out. The first byte tells them apart.
                let isZlib = body.first.map { $0 & 0x0F == 8 } ?? false
                body = try ContentDecoding.inflate(body, windowBits: isZlib ? 15 : -15, limit: limit)
            case let other: throw .unsupportedEncoding(other)
            }
        } catch {
            body = []
            bodyError = error
        }
    }
}

package enum ContentDecoding {
    /// What a gzip file holds.
    /// - Parameter limit: bytes that it may hold.
    package static func gunzip(_ file: [UInt8], limit: Int) throws(BodyError) -> [UInt8] {
        try inflate(file, windowBits: 15 + 16, limit: limit)
    }

    /// Inflates one stream; `windowBits` chooses the container as zlib's `inflateInit2` has it (31 gzip, 15 zlib, -15
    /// raw).
    static func inflate(_ input: [UInt8], windowBits: Int32, limit: Int) throws(BodyError) -> [UInt8] {
        var stream = unsafe z_stream()
        guard unsafe czlib_inflate_init(&stream, windowBits) == Z_OK else { throw .malformedEncoding("out of memory") }
        defer { unsafe inflateEnd(&stream) }
        var output: [UInt8] = []
        var status = Z_OK
        unsafe input.withUnsafeBufferPointer { source in
            unsafe stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
            unsafe stream.avail_in = UInt32(source.count)
            while status == Z_OK, output.count <= limit {
                let before = output.count
                // One byte past the limit is enough to know that there is more.
                let room = min(max(4096, before), limit + 1 - before)
                guard room > 0 else { break }
                output.append(contentsOf: repeatElement(0, count: room))
                unsafe output.withUnsafeMutableBufferPointer { target in
                    unsafe stream.next_out = target.baseAddress.map { unsafe $0 + before }
                    unsafe stream.avail_out = UInt32(room)
                    status = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
                }
                output.removeLast(unsafe Int(stream.avail_out))
            }
        }
        if output.count > limit { throw .tooLarge(limit: limit) }
        guard status == Z_STREAM_END else {
            if status == Z_OK || status == Z_BUF_ERROR { throw .malformedEncoding("unexpected end of file") }
            throw .malformedEncoding(unsafe stream.msg.map { unsafe String(cString: $0) } ?? "incorrect header check")
        }
        return output
    }
}
