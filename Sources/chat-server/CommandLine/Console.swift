internal import Glibc

/// Where a verb writes: results to `output`, what went wrong to `error`. Tests collect both.
struct Console: Sendable {
    /// Writes one line; the line end is added.
    let output: @Sendable (String) -> Void
    let error: @Sendable (String) -> Void

    static let standard = Console(
        output: { writeLine($0, to: STDOUT_FILENO) }, error: { writeLine($0, to: STDERR_FILENO) })

    private static func writeLine(_ line: String, to descriptor: Int32) {
        writeAll(Array((line + "\n").utf8), to: descriptor)
    }
}

/// Writes every byte, waiting where a non-blocking descriptor is full.
/// - Returns: false when the descriptor takes no more (closed pipe, full disk).
@discardableResult
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { buffer in
        var offset = 0
        while offset < buffer.count {
            let count = write(descriptor, buffer.baseAddress! + offset, buffer.count - offset)
            if count >= 0 {
                offset += count
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&waiting, 1, -1)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }
}
