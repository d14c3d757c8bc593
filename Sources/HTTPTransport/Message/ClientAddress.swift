internal import Glibc

/// An IP address as 16 bytes; IPv4 in its IPv4-mapped form (RFC 4291 §2.5.5.2), so that one comparison serves both.
package struct IPAddress: Sendable, Hashable {
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads `192.0.2.1`, `2001:db8::1` or `[2001:db8::1]`; nil for anything else.
    package init?(_ text: String) {
        var literal = Substring(text)
        if literal.first == "[", literal.last == "]" { literal = literal.dropFirst().dropLast() }
        var v4 = in_addr()
        var v6 = in6_addr()
        if unsafe inet_pton(AF_INET, String(literal), &v4) == 1 {
            self.init(ipv4: v4)
        } else if unsafe inet_pton(AF_INET6, String(literal), &v6) == 1 {
            self.init(ipv6: v6)
        } else {
            return nil
        }
    }

    init(ipv4 address: in_addr) {
        self.init(high: 0, low: 0x0000_FFFF_0000_0000 | UInt64(UInt32(bigEndian: address.s_addr)))
    }

    init(ipv6 address: in6_addr) {
        let words = unsafe unsafeBitCast(address, to: (UInt64, UInt64).self)
        self.init(high: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1))
    }

    var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// The usual text: dotted for IPv4, compressed for IPv6.
    package var text: String {
        if isIPv4 {
            return "\(low >> 24 & 0xFF).\(low >> 16 & 0xFF).\(low >> 8 & 0xFF).\(low & 0xFF)"
        }
        var address = unsafe unsafeBitCast((high.bigEndian, low.bigEndian), to: in6_addr.self)
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let size = socklen_t(buffer.count)
        guard unsafe inet_ntop(AF_INET6, &address, &buffer, size) != nil else { return "::" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// A block of addresses, `10.0.0.0/8` or `2001:db8::/32`; a bare address is a block of one.
package struct AddressBlock: Sendable, Hashable {
    let base: IPAddress
    let prefixBits: Int

    /// - Returns: nil unless `text` is an address, or an address, `/` and a prefix length that fits it.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let first = parts.first, let base = IPAddress(String(first)) else { return nil }
        let width = base.isIPv4 ? 32 : 128
        var bits = width
        if parts.count == 2 {
            guard let given = Int(parts[1]), (0...width).contains(given) else { return nil }
            bits = given
        }
        self.base = base
        prefixBits = bits + (128 - width)
    }

    package func contains(_ address: IPAddress) -> Bool {
        func agree(_ a: UInt64, _ b: UInt64, _ bits: Int) -> Bool {
            bits <= 0 || (a ^ b) >> UInt64(64 - min(bits, 64)) == 0
        }
        return agree(address.high, base.high, prefixBits) && agree(address.low, base.low, prefixBits - 64)
    }
}

/// The peer of a connection.
package struct ClientAddress: Sendable {
    package let address: IPAddress
    package let port: UInt16
    /// The address as text, made once a connection.
    package let text: String

    package init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
        text = address.text
    }

    package static let loopback = ClientAddress(address: IPAddress(high: 0, low: 0x0000_FFFF_7F00_0001), port: 0)
}

extension Request {
    /// The address of the client behind trusted proxies: the right-most entry of X-Forwarded-For that is not itself a
    /// trusted proxy, where the peer is one; else the peer.
    ///
    /// An entry that is not an address ends the walk: what stands left of it can be anybody's invention.
    package func clientIP(trusting proxies: [AddressBlock]) -> String {
        guard !proxies.isEmpty, proxies.contains(where: { $0.contains(client.address) }) else { return client.text }
        var nearest = client.text
        for field in headers.all("X-Forwarded-For").reversed() {
            for entry in field.split(separator: ",", omittingEmptySubsequences: false).reversed() {
                let trimmed = trimmedWhitespace(Array(entry.utf8)[...])
                guard let address = IPAddress(String(decoding: trimmed, as: UTF8.self)) else { return nearest }
                nearest = address.text
                guard proxies.contains(where: { $0.contains(address) }) else { return nearest }
            }
        }
        return nearest
    }
}
