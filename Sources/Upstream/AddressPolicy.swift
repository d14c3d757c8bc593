internal import Glibc

/// Which addresses a request may go to whose URL somebody else may have chosen. Judged by the address that a connection is
/// about to be made to, so that no name, and no change of one, leads around it.
enum AddressPolicy {
    private typealias Block = (bytes: [UInt8], bits: Int)

    /// RFC 6890 and its successors: this machine, private and shared networks, link-local, documentation, benchmarks,
    /// multicast, reserved.
    private static let blocks4: [Block] = [
        ([0, 0, 0, 0], 8), ([10, 0, 0, 0], 8), ([100, 64, 0, 0], 10), ([127, 0, 0, 0], 8), ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12), ([192, 0, 0, 0], 24), ([192, 0, 2, 0], 24), ([192, 168, 0, 0], 16),
        ([198, 18, 0, 0], 15), ([198, 51, 100, 0], 24), ([203, 0, 113, 0], 24), ([224, 0, 0, 0], 4),
        ([240, 0, 0, 0], 4),
    ]
    /// Of IPv6 only global unicast is public, without what is set apart in it; `::ffff:0:0/96`, `64:ff9b::/96` and
    /// `2002::/16` hold an IPv4 address, which is judged.
    private static let blocks6: [Block] = [
        ([0x20, 0x01, 0x00], 23), ([0x20, 0x01, 0x0d, 0xb8], 32), ([0x3f, 0xff, 0x00], 20),
    ]
    private static let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
    private static let translated: [UInt8] = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]

    /// - Parameter address: 4 or 16 bytes; anything else is not public.
    static func isPublic(_ address: [UInt8]) -> Bool {
        switch address.count {
        case 4: return !blocks4.contains { contains($0, address) }
        case 16:
            if address.starts(with: mapped) || address.starts(with: translated) {
                return isPublic(Array(address[12...]))
            }
            if address.starts(with: [0x20, 0x02]) { return isPublic(Array(address[2..<6])) }
            return address[0] & 0xe0 == 0x20 && !blocks6.contains { contains($0, address) }
        default: return false
        }
    }

    private static func contains(_ block: Block, _ address: [UInt8]) -> Bool {
        for bit in 0..<block.bits {
            let mask = UInt8(0x80) >> UInt8(bit % 8)
            let wanted = bit / 8 < block.bytes.count ? block.bytes[bit / 8] : 0
            if (wanted ^ address[bit / 8]) & mask != 0 { return false }
        }
        return true
    }

    /// The same for a socket address; families other than IP are not public.
    static func isPublic(_ address: UnsafePointer<sockaddr>, family: Int32) -> Bool {
        switch family {
        case AF_INET:
            return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
                withUnsafeBytes(of: pointer.pointee.sin_addr) { isPublic(Array($0)) }
            }
        case AF_INET6:
            return address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                withUnsafeBytes(of: pointer.pointee.sin6_addr) { isPublic(Array($0)) }
            }
        default: return false
        }
    }
}
