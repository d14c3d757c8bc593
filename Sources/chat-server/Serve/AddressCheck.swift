internal import Glibc
internal import HTTPTransport

extension SocketAddress {
    /// Finds out whether somebody has the address, by taking it for a moment; it accepts no connection.
    ///
    /// For before the store is opened: an open writes to the data directory, and a server that cannot listen should leave
    /// no trace in it. Between this and `listen` another process may be faster; then `listen` says so.
    /// - Throws: `addressInUse`, `permissionDenied`, `addressNotAvailable`. What else may be wrong is left to `listen`.
    func checkFree() throws(HTTPServerError) {
        guard port != 0, let bytes = numericAddress(host == "localhost" ? "127.0.0.1" : host) else { return }
        let descriptor = socket(bytes.count == 4 ? AF_INET : AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        // As the listener will do it: connections of an earlier server that are still closing do not count.
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        guard Self.bind(descriptor, bytes, port) != 0 else { return }
        switch errno {
        case EADDRINUSE: throw .addressInUse(host: host, port: port)
        case EACCES, EPERM: throw .permissionDenied(host: host, port: port)
        case EADDRNOTAVAIL: throw .addressNotAvailable(host: host, port: port)
        default: return
        }
    }

    private static func bind(_ descriptor: Int32, _ bytes: [UInt8], _ port: UInt16) -> Int32 {
        if bytes.count == 4 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: bytes) }
            return bind(descriptor, &address)
        }
        // As the listener will do it: a wildcard takes IPv4 too.
        var off: Int32 = 0
        setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &off, 4)
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: bytes) }
        return bind(descriptor, &address)
    }

    private static func bind<Address>(_ descriptor: Int32, _ address: inout Address) -> Int32 {
        let length = socklen_t(MemoryLayout<Address>.size)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(descriptor, $0, length) }
        }
    }
}
