/// One address that the server listens on, and who answers there.
final class Listener: Sendable {
    let index: Int
    let descriptor: Int32
    let isTLS: Bool
    /// Instead of the server's limit.
    let bodyBytes: Int?
    let handler: Handler

    init(index: Int, descriptor: Int32, isTLS: Bool, bodyBytes: Int?, handler: @escaping Handler) {
        self.index = index
        self.descriptor = descriptor
        self.isTLS = isTLS
        self.bodyBytes = bodyBytes
        self.handler = handler
    }
}
