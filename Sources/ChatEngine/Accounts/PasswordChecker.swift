/// Checks logins on threads of its own: a hash costs a tenth of a second and more, and event loops and readers have
/// none to spare.
///
/// A user that is not there costs what a wrong password does, and is answered the same. The queue is bounded: what does
/// not fit is `overloaded` at once. Call `shutDown` once, after the last check was asked for.
package final class PasswordChecker: Sendable {
    private let engine: ChatEngine
    private let workers: ReaderPool

    /// - Parameters:
    ///   - threads: hashes that may be computed at once.
    ///   - capacity: checks that may wait; one waits for a hash of each that is before it.
    package init(_ engine: ChatEngine, threads: Int = 1, capacity: Int = 16) {
        self.engine = engine
        workers = ReaderPool(threads: threads, capacity: capacity)
    }

    /// Gives the account, or nil if there is none or the password is not its own.
    package func check(
        username: String, password: String, completion: @escaping ChatEngine.Completion<PasswordAccount?>
    ) {
        engine.passwordAccount(username) { [workers] result in
            let account: PasswordAccount?
            switch result {
            case .success(let found): account = found
            case .failure(let error): return completion(.failure(error))
            }
            let accepted = workers.submit {
                let fits = (account?.password ?? .ofNobody).matches(password)
                completion(.success(fits ? account : nil))
            }
            if !accepted { completion(.failure(.overloaded(retryAfterSeconds: 2))) }
        }
    }

    /// Answers what waits, and ends the threads.
    package func shutDown() { workers.shutDown() }
}
