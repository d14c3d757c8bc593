/// Lets one thread wait for one result.
final class Waiter: @unchecked Sendable {  // `result` is under `signal`
    private let signal = Signal()
    private var result: Result<CommitReceipt, LogStoreError>?

    func finish(_ r: Result<CommitReceipt, LogStoreError>) {
        signal.locked {
            result = r
            signal.wakeOne()
        }
    }

    func wait() -> Result<CommitReceipt, LogStoreError> {
        signal.locked {
            while true {
                if let result { return result }
                signal.wait()
            }
        }
    }
}
