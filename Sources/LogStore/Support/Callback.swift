internal import Synchronization

/// A call to something that is made after its caller.
final class Callback: Sendable {
    private let body = Mutex<(@Sendable () -> Void)?>(nil)
    func set(_ body: (@Sendable () -> Void)?) { self.body.withLock { $0 = body } }
    func call() { body.withLock { $0 }?() }
}
