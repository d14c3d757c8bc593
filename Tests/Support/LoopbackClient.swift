/// A reply as it came, its body with the transfer coding undone.
package struct LoopbackReply: Sendable {
    package var status: Int
    package var reason: String
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    package init(status: Int, reason: String, headers: [(name: String, value: String)], body: [UInt8]) {
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body
    }

    package var text: String { String(decoding: body, as: UTF8.self) }

    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// A small blocking HTTP/1.1 client for tests; one connection, kept alive between requests.
package final class LoopbackClient {
    private let port: UInt16
    private var socket: LoopbackSocket?
    /// Longest wait for more bytes.
    package var timeoutMilliseconds: Int32 = 10_000

    package init(port: UInt16) {
        self.port = port
    }

    /// How many connections were made: 1 as long as keep-alive works.
    package private(set) var connectionsMade = 0

    /// Sends one request and waits for its reply. `Host` and, with a body, `Content-Length` are added where not given.
    package func send(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: [UInt8]? = nil
    ) throws(LoopbackError) -> LoopbackReply {
        let socket = try connected()
        var head = "\(method) \(path) HTTP/1.1\r\n"
        func has(_ name: String) -> Bool { headers.contains { $0.0.lowercased() == name } }
        if !has("host") { head += "Host: 127.0.0.1\r\n" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let body, !has("content-length"), !has("transfer-encoding") { head += "Content-Length: \(body.count)\r\n" }
        try socket.send(Array((head + "\r\n").utf8) + (body ?? []))
        return try readReply(isHEAD: method == "HEAD")
    }

    /// The same with a JSON text.
    package func send(_ method: String, _ path: String, headers: [(String, String)] = [], json: String)
        throws(LoopbackError) -> LoopbackReply
    {
        try send(method, path, headers: headers + [("Content-Type", "application/json")], body: Array(json.utf8))
    }

    /// Sends bytes as they are.
    package func sendRaw(_ text: String) throws(LoopbackError) { try connected().send(text) }

    /// Reads the next reply from the connection.
    package func readReply(isHEAD: Bool = false) throws(LoopbackError) -> LoopbackReply {
        let socket = try connected()
        while true {
            var reply = try readHead(socket)
            if reply.status == 100 { continue }
            if !(isHEAD || reply.status == 204 || reply.status == 304) { reply.body = try readBody(reply, socket) }
            if reply.header("Connection")?.lowercased() == "close" { disconnect() }
            return reply
        }
    }

    /// Reads the head of an interim reply (1xx), which has no body.
    package func readInterimReply() throws(LoopbackError) -> LoopbackReply { try readHead(connected()) }

    package func disconnect() {
        socket?.close()
        socket = nil
    }

    private func connected() throws(LoopbackError) -> LoopbackSocket {
        if let socket { return socket }
        let socket = try LoopbackSocket(port: port)
        connectionsMade += 1
        self.socket = socket
        return socket
    }

    private func readHead(_ socket: LoopbackSocket) throws(LoopbackError) -> LoopbackReply {
        let lines = try readUntilBlankLine(socket).split(separator: "\r\n", omittingEmptySubsequences: true)
        let parts = lines.first?.split(separator: " ", maxSplits: 2) ?? []
        guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), let status = Int(parts[1]) else {
            throw .malformedReply(lines.first.map(String.init) ?? "")
        }
        var headers: [(name: String, value: String)] = []
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { throw .malformedReply(String(line)) }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            headers.append((String(line[..<colon]), String(value)))
        }
        return LoopbackReply(
            status: status, reason: parts.count > 2 ? String(parts[2]) : "", headers: headers, body: [])
    }

    private func readUntilBlankLine(_ socket: LoopbackSocket) throws(LoopbackError) -> String {
        let mark: [UInt8] = [13, 10, 13, 10]
        var searched = 0
        while true {
            let bytes = socket.received
            if bytes.count >= 4 {
                for index in searched...bytes.count - 4 where Array(bytes[index..<index + 4]) == mark {
                    socket.received.removeFirst(index + 4)
                    return String(decoding: bytes[..<index], as: UTF8.self)
                }
                searched = bytes.count - 3
            }
            try more(socket)
        }
    }

    private func readBody(_ reply: LoopbackReply, _ socket: LoopbackSocket) throws(LoopbackError) -> [UInt8] {
        if reply.header("Transfer-Encoding")?.lowercased() == "chunked" { return try readChunks(socket) }
        guard let length = reply.header("Content-Length").flatMap({ Int($0) }) else {
            while try socket.receive(timeoutMilliseconds: timeoutMilliseconds) {}
            return take(socket.received.count, socket)
        }
        while socket.received.count < length { try more(socket) }
        return take(length, socket)
    }

    private func readChunks(_ socket: LoopbackSocket) throws(LoopbackError) -> [UInt8] {
        var body: [UInt8] = []
        while true {
            guard let size = Int(try readLine(socket), radix: 16) else { throw .malformedReply("chunk size") }
            while socket.received.count < size { try more(socket) }
            body += take(size, socket)
            guard try readLine(socket).isEmpty else { throw .malformedReply("chunk end") }
            if size == 0 { return body }
        }
    }

    private func readLine(_ socket: LoopbackSocket) throws(LoopbackError) -> String {
        while true {
            if let end = socket.received.firstIndex(of: 10) {
                let line = take(end + 1, socket).dropLast()
                return String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
            }
            try more(socket)
        }
    }

    private func take(_ count: Int, _ socket: LoopbackSocket) -> [UInt8] {
        let bytes = Array(socket.received[..<count])
        socket.received.removeFirst(count)
        return bytes
    }

    private func more(_ socket: LoopbackSocket) throws(LoopbackError) {
        guard try socket.receive(timeoutMilliseconds: timeoutMilliseconds) else {
            disconnect()
            throw .closed(received: String(decoding: socket.received, as: UTF8.self))
        }
    }
}
