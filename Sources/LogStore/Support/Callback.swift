internal import Synchronization

/// A call to something that is made after its caller.
final class Callback: Sendable {
    /// In a structure: a mutex of a bare closure wraps it once more at every use.
    private struct Body: Sendable {
        let call: (@Sendable () -> Void)?
    }

    private let body = Mutex(Body(call: nil))
    func set(_ body: (@Sendable () -> Void)?) { self.body.withLock { $0 = Body(call: body) } }
    func call() { body.withLock { $0 }.call?() }
}
