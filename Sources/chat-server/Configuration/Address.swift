internal import Glibc

/// Where to listen: a host (name or address) and a TCP port; port 0 lets the system choose one.
struct SocketAddress: Sendable, Equatable, CustomStringConvertible {
    let host: String
    let port: UInt16

    /// Reads `HOST:PORT`; an IPv6 address stands in brackets, `[::1]:3002`.
    init(parsing text: String) throws(SettingValueError) {
        let isNot = "HOST:PORT, such as 127.0.0.1:3002 or [::1]:3002"
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw SettingValueError(text, isNot: isNot)
        }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
            guard numericAddress(String(host))?.count == 16 else { throw SettingValueError(text, isNot: isNot) }
        } else if host.contains(":") || host.contains("[") || host.contains("]") {
            throw SettingValueError(text, isNot: isNot)
        }
        guard !host.isEmpty, !host.contains("/"), !host.contains(" ") else {
            throw SettingValueError(text, isNot: isNot)
        }
        self.host = String(host)
        self.port = port
    }

    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Only this machine can reach it: 127.0.0.0/8, ::1 or `localhost`.
    var isLoopback: Bool {
        if host == "localhost" { return true }
        guard let bytes = numericAddress(host) else { return false }
        return bytes.count == 4 ? bytes[0] == 127 : bytes == [UInt8](repeating: 0, count: 15) + [1]
    }
}

/// One listener and the surfaces that it serves.
struct Listener: Sendable, Equatable, CustomStringConvertible {
    let address: SocketAddress
    /// Empty: every surface.
    let surfaces: [String]

    init(address: SocketAddress, surfaces: [String] = []) {
        self.address = address
        self.surfaces = surfaces
    }

    /// Reads `HOST:PORT` or `HOST:PORT=surface,…`.
    init(parsing text: String) throws(SettingValueError) {
        guard let equals = text.firstIndex(of: "=") else {
            self.init(address: try SocketAddress(parsing: text))
            return
        }
        let address = try SocketAddress(parsing: String(text[..<equals]))
        var surfaces: [String] = []
        for name in text[text.index(after: equals)...].split(separator: ",", omittingEmptySubsequences: false) {
            let name = String(name)
            guard Setting.surfaceNames.contains(name) else {
                let hint = nearestName(to: name, in: Setting.surfaceNames).map { "; did you mean \($0)?" } ?? ""
                throw SettingValueError(
                    "\"\(name)\" is not a surface (\(Setting.surfaceNames.joined(separator: ", ")))\(hint)")
            }
            if !surfaces.contains(name) { surfaces.append(name) }
        }
        self.init(address: address, surfaces: surfaces)
    }

    var description: String {
        surfaces.isEmpty ? address.description : "\(address)=\(surfaces.joined(separator: ","))"
    }
}

/// A block of addresses in CIDR notation: those that share the first `prefixLength` bits with `bytes`.
struct AddressBlock: Sendable, Equatable, CustomStringConvertible {
    /// 4 bytes (IPv4) or 16 (IPv6), network order; the bits after the prefix are 0.
    let bytes: [UInt8]
    let prefixLength: Int

    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or one address, which is a block of its own.
    init(parsing text: String) throws(SettingValueError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let isNot = "a CIDR block, such as 10.0.0.0/8 or 2001:db8::/32"
        guard parts.count <= 2, let bytes = numericAddress(String(parts[0])) else {
            throw SettingValueError(text, isNot: isNot)
        }
        let bits = bytes.count * 8
        guard let length = parts.count == 2 ? Int(parts[1]) : bits, (0...bits).contains(length) else {
            throw SettingValueError(text, isNot: isNot)
        }
        guard bytes == AddressBlock.masked(bytes, length) else {
            throw SettingValueError(text, isNot: "a CIDR block: there are bits set after its prefix of \(length)")
        }
        self.bytes = bytes
        prefixLength = length
    }

    /// - Parameter address: 4 or 16 bytes in network order.
    func contains(_ address: [UInt8]) -> Bool {
        address.count == bytes.count && AddressBlock.masked(address, prefixLength) == bytes
    }

    private static func masked(_ bytes: [UInt8], _ length: Int) -> [UInt8] {
        bytes.enumerated().map { index, byte in
            let kept = min(max(length - index * 8, 0), 8)
            return kept == 0 ? 0 : byte & (0xFF << UInt8(8 - kept))
        }
    }

    var description: String { "\(numericAddressText(bytes))/\(prefixLength)" }
}

/// The 4 or 16 bytes of a numeric address in network order; nil for a name.
func numericAddress(_ text: String) -> [UInt8]? {
    var v4 = in_addr()
    if inet_pton(AF_INET, text, &v4) == 1 { return withUnsafeBytes(of: &v4) { Array($0) } }
    var v6 = in6_addr()
    if inet_pton(AF_INET6, text, &v6) == 1 { return withUnsafeBytes(of: &v6) { Array($0) } }
    return nil
}

/// The usual notation of 4 or 16 bytes.
func numericAddressText(_ bytes: [UInt8]) -> String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count)) != nil else {
        return ""
    }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
