internal import ChatEngine
internal import Synchronization

/// What the surface knows of a socket. The handshake's token says who it is; the events of the original want to hear that
/// again, in `authenticate`, before they let it make or join sessions.
final class POCSocketClient: Sendable {
    private struct State {
        var caller: POCCaller
        var isAuthenticated = false
        /// The one that `sendMessage` and its like are about.
        var session: String?
        /// When the user is taken to have stopped typing, on the monotonic clock; nil: does not type.
        var typingUntil: UInt64?
        /// A timer is under way that will look at `typingUntil`.
        var hasTypingTimer = false
        var isLimited = false
    }

    private let state: Mutex<State>

    init(_ caller: POCCaller) { state = Mutex(State(caller: caller)) }

    var caller: POCCaller { state.withLock { $0.caller } }
    var session: String? { state.withLock { $0.session } }
    var isAuthenticated: Bool { state.withLock { $0.isAuthenticated } }
    var isTyping: Bool { state.withLock { $0.typingUntil != nil } }
    var isLimited: Bool { state.withLock { $0.isLimited } }

    /// - Returns: whether it was not before.
    func authenticate(as caller: POCCaller) -> Bool {
        state.withLock { state in
            defer { state.isAuthenticated = true }
            state.caller = caller
            return !state.isAuthenticated
        }
    }

    func join(_ session: String) { state.withLock { $0.session = session } }

    func leave(_ session: String) {
        state.withLock { state in
            if state.session == session { state.session = nil }
        }
    }

    /// - Returns: whether that is news.
    func limit(_ isLimited: Bool) -> Bool {
        state.withLock { state in
            defer { state.isLimited = isLimited }
            return state.isLimited != isLimited
        }
    }

    // MARK: Typing

    /// - Returns: whether it did not type before, and whether a timer has to be set.
    func type(until end: UInt64) -> (begins: Bool, needsTimer: Bool) {
        state.withLock { state in
            defer {
                state.typingUntil = end
                state.hasTypingTimer = true
            }
            return (state.typingUntil == nil, !state.hasTypingTimer)
        }
    }

    /// - Returns: whether it typed.
    func stopTyping() -> Bool {
        state.withLock { state in
            defer { state.typingUntil = nil }
            return state.typingUntil != nil
        }
    }

    enum TypingTimer {
        case over
        case stopped
        case again(microseconds: UInt64)
    }

    /// What becomes of the timer that has just fired.
    func typingTimerFired(at now: UInt64) -> TypingTimer {
        state.withLock { state in
            guard let end = state.typingUntil else {
                state.hasTypingTimer = false
                return .over
            }
            guard end <= now else { return .again(microseconds: end - now) }
            state.typingUntil = nil
            state.hasTypingTimer = false
            return .stopped
        }
    }
}
