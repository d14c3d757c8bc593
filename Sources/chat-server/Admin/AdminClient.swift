internal import Glibc

/// Speaks to the admin listener of a running server: one request a connection, HTTP/1.1, the reply's body handed on as it
/// comes. Blocks; for verbs.
struct AdminClient {
    let address: SocketAddress

    /// The header of `GET /export` that says about how many messages there are.
    static let storedMessages = "X-Stored-Messages"

    /// Reads `http://HOST:PORT` or `HOST:PORT`.
    init(_ text: String) throws(CommandFailure) {
        var rest = text
        if rest.hasPrefix("http://") { rest = String(rest.dropFirst("http://".count)) }
        while rest.hasSuffix("/") { rest.removeLast() }
        do throws(SettingValueError) { address = try SocketAddress(parsing: rest) } catch {
            throw CommandFailure(.usage, "\"\(text)\" is not the address of an admin listener, such as 127.0.0.1:9090")
        }
    }

    /// A query parameter's value.
    static func percentEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            if byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte >= 0x30 && byte <= 0x39 || byte == 0x2D {
                encoded.unicodeScalars.append(UnicodeScalar(byte))
            } else {
                encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return encoded
    }

    struct Reply {
        var status = 0
        var headers: [(name: String, value: String)] = []

        func header(_ name: String) -> String? {
            headers.first { $0.name.asciiLowercased == name.asciiLowercased }?.value
        }
    }

    /// Sends a request and reads the whole reply.
    func send(
        _ method: String, _ target: String, contentType: String = "application/json", body: [UInt8] = []
    ) throws(CommandFailure) -> (reply: Reply, body: [UInt8]) {
        var bytes: [UInt8] = []
        let reply = try stream(method, target, contentType: contentType, body: body) { bytes += $1 }
        return (reply, bytes)
    }

    /// Sends a request and hands each piece of the reply's body to `take`.
    /// - Throws: also when the reply breaks off before its end.
    @discardableResult
    func stream(
        _ method: String, _ target: String, contentType: String = "application/json", body: [UInt8] = [],
        take: (Reply, ArraySlice<UInt8>) throws(CommandFailure) -> Void
    ) throws(CommandFailure) -> Reply {
        let descriptor = try connect()
        defer { close(descriptor) }
        var head = "\(method) \(target) HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\n"
        if method != "GET" { head += "Content-Type: \(contentType)\r\nContent-Length: \(body.count)\r\n" }
        // A server that refuses early closes without reading; its answer is read all the same.
        _ = send(Array((head + "\r\n").utf8), to: descriptor) && send(body, to: descriptor)
        var reader = ReplyReader(descriptor: descriptor, address: address)
        let reply = try reader.head()
        try reader.body(reply, take)
        return reply
    }

    private func send(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count > 0 { sent += count } else if errno != EINTR { return false }
        }
        return true
    }

    private func connect() throws(CommandFailure) -> Int32 {
        guard let bytes = numericAddress(address.host == "localhost" ? "127.0.0.1" : address.host) else {
            throw CommandFailure(.usage, "\(address) is not a numeric address, and not localhost")
        }
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw CommandFailure(.failure, "no socket: \(String(cString: strerror(errno)))") }
        let status: Int32
        if bytes.count == 4 {
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = address.port.bigEndian
            withUnsafeMutableBytes(of: &name.sin_addr) { $0.copyBytes(from: bytes) }
            status = Self.connect(descriptor, &name)
        } else {
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = address.port.bigEndian
            withUnsafeMutableBytes(of: &name.sin6_addr) { $0.copyBytes(from: bytes) }
            status = Self.connect(descriptor, &name)
        }
        guard status == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw CommandFailure(.failure, "no admin listener answers at \(address): \(reason); see `serve --admin`")
        }
        return descriptor
    }

    private static func connect<Name>(_ descriptor: Int32, _ name: inout Name) -> Int32 {
        let length = socklen_t(MemoryLayout<Name>.size)
        return withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, length) }
        }
    }
}

/// Takes a reply apart. Only what the server's own replies need: a length, chunks, or the end of the connection.
private struct ReplyReader {
    let descriptor: Int32
    let address: SocketAddress
    private var buffer: [UInt8] = []
    private var position = 0

    init(descriptor: Int32, address: SocketAddress) {
        self.descriptor = descriptor
        self.address = address
    }

    private static let largestHead = 64 << 10

    private var broken: CommandFailure {
        CommandFailure(.failure, "the reply of \(address) broke off before its end")
    }

    /// - Returns: false at the end of the connection.
    private mutating func fill() throws(CommandFailure) -> Bool {
        if position > 0 {
            buffer.removeFirst(position)
            position = 0
        }
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(descriptor, &piece, piece.count, 0)
            if count > 0 {
                buffer += piece[..<count]
                return true
            }
            if count == 0 { return false }
            if errno != EINTR { throw broken }
        }
    }

    /// The text up to the next CR LF.
    private mutating func line() throws(CommandFailure) -> String {
        while true {
            if let end = buffer[position...].firstIndex(of: 0x0A) {
                var text = buffer[position..<end]
                if text.last == 0x0D { text.removeLast() }
                position = end + 1
                return String(decoding: text, as: UTF8.self)
            }
            guard buffer.count - position < Self.largestHead, try fill() else { throw broken }
        }
    }

    mutating func head() throws(CommandFailure) -> AdminClient.Reply {
        var reply = AdminClient.Reply()
        repeat {
            let parts = try line().split(separator: " ")
            guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), let status = Int(parts[1]) else {
                throw CommandFailure(.failure, "\(address) does not speak HTTP/1.1")
            }
            reply = AdminClient.Reply(status: status)
            while case let field = try line(), !field.isEmpty {
                guard let colon = field.firstIndex(of: ":") else { continue }
                reply.headers.append(
                    (String(field[..<colon]), String(field[field.index(after: colon)...]).trimmed))
            }
        } while reply.status < 200
        return reply
    }

    mutating func body(
        _ reply: AdminClient.Reply,
        _ take: (AdminClient.Reply, ArraySlice<UInt8>) throws(CommandFailure) -> Void
    ) throws(CommandFailure) {
        if reply.header("Transfer-Encoding") != nil {
            while true {
                guard let count = Int(try line().prefix { $0 != ";" }, radix: 16), count >= 0 else { throw broken }
                if count == 0 { return }
                try pass(count, reply, take)
                guard try line().isEmpty else { throw broken }
            }
        }
        guard let length = reply.header("Content-Length").flatMap({ Int($0) }) else {
            while true {
                if position == buffer.count, try !fill() { return }
                try pass(buffer.count - position, reply, take)
            }
        }
        try pass(length, reply, take)
    }

    private mutating func pass(
        _ count: Int, _ reply: AdminClient.Reply,
        _ take: (AdminClient.Reply, ArraySlice<UInt8>) throws(CommandFailure) -> Void
    ) throws(CommandFailure) {
        var left = count
        while left > 0 {
            if position == buffer.count, try !fill() { throw broken }
            let end = min(buffer.count, position + left)
            left -= end - position
            let piece = buffer[position..<end]
            position = end
            try take(reply, piece)
        }
    }
}
