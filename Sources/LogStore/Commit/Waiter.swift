/// Lets one thread wait for one result.
final class Waiter: @unchecked Sendable {  // `result` is written before the semaphore is raised, and read behind it
    private let isFinished = Semaphore()
    private var result: Result<CommitReceipt, LogStoreError>?

    /// Called once.
    func finish(_ r: Result<CommitReceipt, LogStoreError>) {
        result = r
        isFinished.raise()
    }

    func wait() -> Result<CommitReceipt, LogStoreError> {
        isFinished.wait()
        guard let result else { preconditionFailure("finished without a result") }
        return result
    }
}
