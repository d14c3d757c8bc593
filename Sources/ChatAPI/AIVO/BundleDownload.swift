internal import ChatEngine
internal import HTTPTransport
internal import LogStore
internal import Synchronization

/// Sends the file of an export, whole or one range of it (RFC 9110 §14).
///
/// The entity tag is the digest that the manifest names, so a range that a client asks for `If-Range` is of the very same
/// bytes. A piece is read on a reader thread when the one before has been taken: memory holds two pieces, and no thread
/// waits for a slow client.
final class BundleDownload: Sendable {
    private let request: PrivacyRequest
    private let file: any DiskFile
    private let engine: ChatEngine
    private let log: @Sendable (ServiceEvent) -> Void
    private let stream = BodyStream(capacity: 2 * pieceBytes)
    private let place = Mutex<(next: UInt64, end: UInt64)>((0, 0))

    private static let pieceBytes = 128 << 10

    init(
        _ request: PrivacyRequest, file: any DiskFile, engine: ChatEngine,
        log: @escaping @Sendable (ServiceEvent) -> Void
    ) {
        self.request = request
        self.file = file
        self.engine = engine
        self.log = log
    }

    deinit { file.close() }

    func answer(_ incoming: Request, _ exchange: any Exchange) {
        let tag = "\"\((request.bundle?.digest ?? []).map(Self.hexadecimal).joined())\""
        exchange.addHeader("ETag", tag)
        exchange.addHeader("Accept-Ranges", "bytes")
        exchange.addHeader("Cache-Control", "private, no-cache")
        if EntityTag.isFresh(incoming, status: 200, tag: tag) { return exchange.respond(Response(status: 304)) }
        let size = file.size
        var status = 200
        switch ByteRange.asked(of: incoming, tag: tag, size: size) {
        case .unsatisfiable:
            exchange.addHeader("Content-Range", "bytes */\(size)")
            return AIVOReply(416, "No byte of the file is in the range").send(exchange)
        case .whole: place.withLock { $0 = (0, size) }
        case .part(let range):
            exchange.addHeader("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)")
            place.withLock { $0 = (range.lowerBound, range.upperBound) }
            status = 206
        }
        exchange.respond(
            Response(
                status: status,
                headers: [
                    ("Content-Type", "application/x-ndjson"),
                    ("Content-Disposition", "attachment; filename=\"export-\(request.id.string).jsonl\""),
                ], body: .stream(stream)))
        goOn()
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
    }

    private func goOn() {
        engine.blocking({ [self] (result: Result<[UInt8], ChatError>) in
            switch result {
            case .failure(let error):
                log(ServiceEvent(.error, "a download broke off", [("error", .string("\(error)"))]))
                stream.fail()
            case .success(let piece) where piece.isEmpty: stream.finish()
            case .success(let piece): send(piece)
            }
        }) { [self] () throws(ChatError) in try read() }
    }

    /// The next piece; empty at the end.
    private func read() throws(ChatError) -> [UInt8] {
        let (start, end) = place.withLock { $0 }
        guard start < end else { return [] }
        var piece = [UInt8](repeating: 0, count: Int(min(UInt64(Self.pieceBytes), end - start)))
        let result = piece.withUnsafeMutableBytes { buffer -> Result<Int, DiskError> in
            do throws(DiskError) { return .success(try file.read(into: buffer, at: start)) } catch {
                return .failure(error)
            }
        }
        guard case .success(let count) = result, count > 0 else {
            throw .unavailable("\(file.name) cannot be read at \(start)")
        }
        piece.removeLast(piece.count - count)
        place.withLock { $0.next += UInt64(count) }
        return piece
    }

    private func send(_ piece: [UInt8]) {
        switch stream.offer(piece, onWritable: { [self] in send(piece) }) {
        case .accepted: goOn()
        case .full, .disconnected: break
        }
    }
}

/// What of a file a request wants.
enum ByteRange: Equatable {
    case whole
    case part(Range<UInt64>)
    case unsatisfiable

    /// One range is served. Several, or what is no range of bytes, may be ignored (RFC 9110 §14.2), and are; so is a range
    /// of another state of the file.
    static func asked(of request: Request, tag: String, size: UInt64) -> ByteRange {
        guard let field = request.headers["Range"], field.lowercased().hasPrefix("bytes=") else { return .whole }
        if let condition = request.headers["If-Range"], condition != tag { return .whole }
        let range = field.dropFirst("bytes=".count)
        guard let dash = range.firstIndex(of: "-") else { return .whole }
        let (first, last) = (range[..<dash], range[range.index(after: dash)...])
        guard (first + last).utf8.allSatisfy({ (0x30...0x39).contains($0) }), !(first + last).isEmpty else {
            return .whole
        }
        // More digits than a number holds: beyond every file.
        if first.isEmpty {
            let count = min(UInt64(last) ?? .max, size)
            return count > 0 ? .part(size - count..<size) : .unsatisfiable
        }
        let start = UInt64(first) ?? .max
        let end = last.isEmpty ? .max : UInt64(last) ?? .max
        guard start <= end else { return .whole }
        return start < size ? .part(start..<min(end, size - 1) + 1) : .unsatisfiable
    }
}
