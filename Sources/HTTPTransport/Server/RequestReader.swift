internal import CMicroHTTPD
internal import Glibc

// The strict reading of a request head.
//
// The library parses leniently: it takes a bare LF for a line end, joins folded lines, lets blanks stand before a
// colon, cuts a value at a NUL, and prefers Transfer-Encoding where Content-Length is there too. A proxy in front may
// read any of these differently, which is what request smuggling lives on, so all of them are refused here.
//
// How: the library parses in place and hands out pointers into one contiguous buffer that begins with the method. A
// head in the plain form of RFC 9112 leaves no byte unaccounted for:
//
//     method 00 target 00 HTTP/1.1 00 00 (name 00 blanks value 00 00)* 00 00
//
// where the zeros are the separators that the library overwrote. Each gap is checked against that form. A bare LF makes
// a gap one byte short, a fold or a NUL makes one too long, and the last gap is checked by the block's total size.

/// What the head of a request says.
struct ParsedHead {
    enum BodyLength: Equatable {
        case none
        case bytes(UInt64)
        case chunked
    }

    var head: RequestHead
    var bodyLength: BodyLength
    var expectsContinue: Bool
}

enum RequestReader {
    enum Result {
        case head(ParsedHead)
        /// Answer this status with an empty body and close.
        case refused(status: Int)
    }

    /// - Parameters:
    ///   - method, target, version: the library's pointers, as its callback got them.
    ///   - rawTarget: the target as it was before the library cut it up.
    ///   - headBytes: the size of the head by the library's own count.
    static func read(
        _ connection: OpaquePointer, method: UnsafePointer<CChar>, target: UnsafePointer<CChar>,
        version: UnsafePointer<CChar>, rawTarget: [UInt8], headBytes: Int, limit: Int
    ) -> Result {
        guard headBytes <= min(limit, HTTPLimits.maximumHeaderBytes) else { return .refused(status: 431) }
        let base = unsafe UnsafeRawPointer(method)
        let methodBytes = unsafe strlen(method)
        let targetStart = methodBytes + 1
        let versionStart = targetStart + rawTarget.count + 1
        guard unsafe UnsafeRawPointer(target) == base + targetStart,
            unsafe UnsafeRawPointer(version) == base + versionStart,
            unsafe isTarget(rawTarget, method: UnsafeRawBufferPointer(start: base, count: methodBytes))
        else { return .refused(status: 400) }

        var fields = unsafe FieldCollector(base: base, next: versionStart + 8 + 2, end: headBytes)
        fields.slots.reserveCapacity(16)
        _ = unsafe withUnsafeMutablePointer(to: &fields) { pointer in
            unsafe MHD_get_connection_values_n(
                connection, .HEADER_KIND,
                { closure, _, name, nameBytes, value, valueBytes in
                    guard let closure = unsafe closure, let name = unsafe name else { return MHD_Result.NO }
                    let collector = unsafe closure.assumingMemoryBound(to: FieldCollector.self)
                    return unsafe collector.pointee.take(name, nameBytes, value, valueBytes)
                        ? MHD_Result.YES : MHD_Result.NO
                }, pointer)
        }
        let isHTTP10 = unsafe version[7] == CChar(UInt8(ascii: "0"))
        guard fields.isPlain, fields.next + 2 == headBytes else { return .refused(status: 400) }
        guard fields.hosts == 1 || (isHTTP10 && fields.hosts == 0) else { return .refused(status: 400) }

        var bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: base, count: headBytes))
        bytes.replaceSubrange(targetStart..<targetStart + rawTarget.count, with: rawTarget)
        guard let methodName = knownMethod(bytes[..<methodBytes]) else { return .refused(status: 400) }

        let length: ParsedHead.BodyLength
        switch (fields.transferEncodings, fields.contentLengths) {
        case (0, 0): length = .none
        case (0, 1):
            guard let count = UInt64(decimal: bytes[fields.lastContentLength]) else { return .refused(status: 400) }
            length = count == 0 ? .none : .bytes(count)
        case (1, 0):
            // Any other coding could not be undone here, and its body would have no end that both sides agree on.
            guard fields.isChunked, !isHTTP10 else { return .refused(status: 400) }
            length = .chunked
        default: return .refused(status: 400)
        }
        guard !fields.hasUnknownExpectation else { return .refused(status: 417) }
        let head = RequestHead(
            headers: Headers(bytes: bytes, slots: fields.slots), method: methodName,
            target: targetStart..<targetStart + rawTarget.count, version: isHTTP10 ? .http10 : .http11)
        return .head(ParsedHead(head: head, bodyLength: length, expectsContinue: fields.expectsContinue && !isHTTP10))
    }

    /// origin-form, absolute-form of http, or `*` for OPTIONS; no control characters and no blanks.
    private static func isTarget(_ target: [UInt8], method: UnsafeRawBufferPointer) -> Bool {
        guard let first = target.first else { return false }
        for byte in target where byte <= 0x20 || byte == 0x7F { return false }
        switch first {
        case UInt8(ascii: "/"): return true
        case UInt8(ascii: "*"): return unsafe target.count == 1 && method.elementsEqual("OPTIONS".utf8)
        default:
            return ["http://", "https://"].contains { scheme in
                target.count > scheme.utf8.count && equalsIgnoringCase(target[..<scheme.utf8.count], scheme)
            }
        }
    }

    /// The methods of the IANA registry that HTTP libraries know; one outside it is taken for a malformed request.
    private static let methods = [
        "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT", "ACL", "BIND", "CHECKOUT",
        "COPY",
        "LINK", "LOCK", "M-SEARCH", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MOVE", "NOTIFY", "PROPFIND",
        "PROPPATCH", "PURGE", "QUERY", "REBIND", "REPORT", "SEARCH", "SOURCE", "SUBSCRIBE", "UNBIND", "UNLINK",
        "UNLOCK",
        "UNSUBSCRIBE",
    ]

    private static func knownMethod(_ bytes: ArraySlice<UInt8>) -> String? {
        methods.first { $0.utf8.count == bytes.count && $0.utf8.elementsEqual(bytes) }
    }
}

extension UInt64 {
    /// Decimal digits and nothing else.
    init?(decimal digits: ArraySlice<UInt8>) {
        guard !digits.isEmpty else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard digit &- UInt8(ascii: "0") < 10 else { return nil }
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = scaled.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        self = value
    }
}

/// Takes the fields one by one, checks their form, and notes those that frame the message.
@safe
private struct FieldCollector {
    let base: UnsafeRawPointer
    /// Where the next field must begin.
    var next: Int
    let end: Int
    var isPlain = true
    var slots: [Headers.Slot] = []

    var hosts = 0
    var contentLengths = 0
    var lastContentLength = 0..<0
    var transferEncodings = 0
    var isChunked = false
    var expectsContinue = false
    var hasUnknownExpectation = false

    init(base: UnsafeRawPointer, next: Int, end: Int) {
        unsafe self.base = base
        self.next = next
        self.end = end
    }

    mutating func take(
        _ namePointer: UnsafePointer<CChar>, _ nameBytes: Int, _ valuePointer: UnsafePointer<CChar>?, _ valueBytes: Int
    ) -> Bool {
        isPlain = false
        guard let valuePointer = unsafe valuePointer else { return false }
        let name = unsafe UnsafeRawPointer(namePointer) - base
        let value = unsafe UnsafeRawPointer(valuePointer) - base
        guard name == next, nameBytes > 0, value > name + nameBytes, value + valueBytes + 2 <= end else { return false }
        let block = unsafe UnsafeRawBufferPointer(start: base, count: end)
        for index in name..<name + nameBytes where unsafe !isTokenByte(block[index]) { return false }
        for index in name + nameBytes + 1..<value where unsafe !isBlank(block[index]) { return false }
        for index in value..<value + valueBytes {
            let byte = unsafe block[index]
            if (byte < 0x20 && byte != 0x09) || byte == 0x7F { return false }
        }
        var valueEnd = value + valueBytes
        while unsafe valueEnd > value && isBlank(block[valueEnd - 1]) { valueEnd -= 1 }
        slots.append(
            Headers.Slot(
                name: UInt16(name)..<UInt16(name + nameBytes), value: UInt16(value)..<UInt16(valueEnd)))
        unsafe note(block, name..<name + nameBytes, value..<valueEnd)
        next = value + valueBytes + 2
        isPlain = true
        return true
    }

    private mutating func note(_ block: UnsafeRawBufferPointer, _ name: Range<Int>, _ value: Range<Int>) {
        switch name.count {
        case 4 where unsafe equals(block, name, "host"): hosts += 1
        case 6 where unsafe equals(block, name, "expect"):
            if unsafe value.count == 12 && equals(block, value, "100-continue") {
                expectsContinue = true
            } else {
                hasUnknownExpectation = true
            }
        case 14 where unsafe equals(block, name, "content-length"):
            contentLengths += 1
            lastContentLength = value
        case 17 where unsafe equals(block, name, "transfer-encoding"):
            transferEncodings += 1
            isChunked = unsafe value.count == 7 && equals(block, value, "chunked")
        default: break
        }
    }

    private func equals(_ block: UnsafeRawBufferPointer, _ range: Range<Int>, _ lowercase: StaticString) -> Bool {
        for index in 0..<range.count {
            let expected = unsafe lowercase.utf8Start[index]
            if unsafe lowercasedASCII(block[range.lowerBound + index]) != expected { return false }
        }
        return true
    }
}

private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

/// tchar of RFC 9110 §5.6.2.
package func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "!"),
        UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "."),
        UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
        true
    default: false
    }
}
