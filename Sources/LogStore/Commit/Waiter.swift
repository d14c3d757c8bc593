/// Lets one thread wait for one result.
///
/// Waking a thread costs about as much as an append does, so the threads of a group wake each other: whoever commits wakes
/// the first, and each wakes two more before it goes on with its own work. A thread of low priority wakes nobody: others
/// would wait until it gets a processor.
final class Waiter: @unchecked Sendable {  // all written before the semaphore is raised, and read behind it
    private let isFinished = Semaphore()
    private var result: Result<CommitReceipt, LogStoreError>?
    private var wakes: [Waiter] = []
    /// Whether its thread gives way to others.
    private let isInBackground: Bool

    init(isInBackground: Bool = false) { self.isInBackground = isInBackground }

    /// Called once; the thread goes on after `wake`.
    func finish(_ result: Result<CommitReceipt, LogStoreError>) { self.result = result }

    /// Wakes the threads of these, all of which are finished.
    static func wake(_ all: [Waiter]) {
        var waiters = all
        // Here, and not behind others: there are one or two of them.
        let background = waiters.partition { $0.isInBackground }
        for waiter in waiters[background...] { waiter.isFinished.raise() }
        waiters.removeSubrange(background...)
        guard let first = waiters.first else { return }
        for (index, waiter) in waiters.enumerated() where 2 * index + 1 < waiters.count {
            waiter.wakes = Array(waiters[(2 * index + 1)..<min(2 * index + 3, waiters.count)])
        }
        first.isFinished.raise()
    }

    func wait() -> Result<CommitReceipt, LogStoreError> {
        isFinished.wait()
        for waiter in wakes { waiter.isFinished.raise() }
        guard let result else { preconditionFailure("woken without a result") }
        return result
    }
}
