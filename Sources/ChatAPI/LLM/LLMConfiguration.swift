internal import ChatEngine

/// How the llm surface is set up. The defaults are the original's.
package struct LLMConfiguration: Sendable {
    /// Whose chats a user reaches.
    package enum Isolation: String, Sendable, CaseIterable {
        /// All of the organisation; only `GET /chats` is the user's own.
        case org
        /// The user's own.
        case user
    }

    package var isolation = Isolation.org
    /// Whether the ids of an unknown user and organisation make them.
    package var autoProvision = false
    /// The token bucket of each organisation.
    package var bucketSize = 20
    package var tokensPerSecond = 1.0
    /// Replies that may be streamed at once.
    package var maximumStreams = 1000
    /// Bytes of a reply; a longer one is cut off as failed.
    package var replyBytes = 1 << 20
    /// What `/health` names as the environment.
    package var environment = "development"
    /// Bytes of a decoded request body.
    package var bodyBytes = 100 << 10
    package var log: @Sendable (ServiceEvent) -> Void = { _ in }
    /// Whether debug events are wanted; without it none is made.
    package var logsDebug = false

    package init() {}
}

/// Limits of the contract.
enum LLMLimits {
    /// UTF-16 units of a message.
    static let messageUnits = 10_000
    /// UTF-16 units of a title that is made of a message.
    static let titleUnits = 50
    /// Characters of a title that a client gives: `varchar(255)`.
    static let titleCharacters = 255
    static let ownChats = 50
    static let organisationChats = 100
    static let defaultMessages = 100
    static let mostMessages = 1000
}
