internal import LogStore

/// How a surface names its sessions and messages. The ids carry a time and random digits, nothing else: no counter that
/// tells how many there are, nothing derived from a user or a secret.
package enum IdentifierFormat: Sendable {
    /// `session_<ms>_<11 × base 36>`, `msg_<ms>_<11 × base 36>`.
    case orion
    /// `sess_<ms in base 36>_<9 × base 36>`, `msg_<ms>_<9 × base 36>`.
    case poc
    /// UUID version 4 for both (llm, aivo).
    case uuid

    func sessionID(at time: Timestamp, random: any RandomSource) -> String {
        switch self {
        case .orion: "session_\(milliseconds(time))_\(digits(11, random))"
        case .poc: "sess_\(String(milliseconds(time), radix: 36))_\(digits(9, random))"
        case .uuid: UUIDValue(random: random).string
        }
    }

    func messageID(at time: Timestamp, random: any RandomSource) -> MessageID {
        switch self {
        case .orion:
            .timed(milliseconds: milliseconds(time), suffix: Base36(random: random.next(), width: 11))
        case .poc:
            .timed(milliseconds: milliseconds(time), suffix: Base36(random: random.next(), width: 9))
        case .uuid:
            .uuid(UUIDValue(random: random))
        }
    }

    private func milliseconds(_ time: Timestamp) -> UInt64 { UInt64(max(0, time.milliseconds)) }

    private func digits(_ width: UInt8, _ random: any RandomSource) -> String {
        var bytes: [UInt8] = []
        Base36(random: random.next(), width: width).write(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
