internal import LogStore

/// Everything that a call of the engine can end in instead of an answer. Nothing was changed by a call that ends so,
/// except after `unavailable`, which says that the outcome is not known.
package enum ChatError: Error, Hashable, Sendable {
    // The caller's mistakes.
    case sessionNotFound
    case messageNotFound
    case userNotFound
    case tenantNotFound
    /// The session is there but out of the access value's reach.
    case forbidden
    case sessionExists
    case organisationNotFound
    /// An organisation or user with that id, slug or address is there already.
    case accountExists
    /// A value does not fit its limit; names the field.
    case tooLarge(field: String)
    case invalid(field: String, reason: String)
    /// The state was changed by somebody else since it was read.
    case conflict
    /// A legal hold forbids to delete it.
    case held

    // The store's condition.
    /// The disk is nearly full: writes are refused, reads and deletes go on.
    case insufficientStorage
    /// Queues are at their bound; try again after so many seconds.
    case overloaded(retryAfterSeconds: Int)
    /// The store refuses to go on (a write failed, or it is closed). For the log, not for clients.
    case unavailable(String)
    /// Stored bytes do not have their form.
    case corrupt(String)
    /// Inside the engine only: the answer needs the disk.
    case wouldBlock
}

extension ChatError {
    init(_ error: LogStoreError) {
        switch error {
        case .sessionNotFound: self = .sessionNotFound
        case .sessionExists: self = .sessionExists
        case .entryNotFound: self = .messageNotFound
        case .conflict: self = .conflict
        case .held: self = .held
        case .tooLarge(let what, _, _): self = .tooLarge(field: what)
        case .invalid(let reason): self = .invalid(field: "request", reason: reason)
        case .full: self = .insufficientStorage
        case .overloaded: self = .overloaded(retryAfterSeconds: 1)
        case .wouldBlock: self = .wouldBlock
        case .poisoned(let reason): self = .unavailable(reason)
        case .closed: self = .unavailable("closed")
        case .corrupt(let file, let offset, let detail): self = .corrupt("\(file) at \(offset): \(detail)")
        default: self = .unavailable("\(error)")
        }
    }

    init(_ error: MalformedRecord) { self = .corrupt("record at \(error.offset): \(error.what)") }
}
