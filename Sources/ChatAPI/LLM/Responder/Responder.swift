package import ChatEngine

/// What a reply is made of.
package struct Prompt: Sendable {
    /// The message to be answered.
    package var message: UTF8Text
    /// The newest messages of the chat, oldest first, with `message` last. Empty for a responder that does not read them.
    package var context: [(role: Message.Role, content: UTF8Text)]

    package init(message: UTF8Text, context: [(role: Message.Role, content: UTF8Text)] = []) {
        self.message = message
        self.context = context
    }
}

/// Why there is no reply: the provider's words, without secrets.
package struct ResponderFailure: Error, Hashable, Sendable {
    package var message: String
    package init(_ message: String) { self.message = message }
}

/// Where a reply goes. Called from any one thread at a time; must not block.
package protocol ReplySink: AnyObject, Sendable {
    /// The next piece of text, WTF-8. Not called after `finish`, and of no effect after `cancel`.
    func receive(_ token: [UInt8])
    func finish(_ result: Result<Reply.Usage?, ResponderFailure>)
}

/// A reply that is being made.
package protocol ReplyCall: Sendable {
    /// Stops it; `finish` may be called or not.
    func cancel()
}

/// Who answers messages.
package protocol Responder: Sendable {
    /// How it reads a chat; nil: it looks at the one message only, and a reply costs no tokens.
    var context: ContextBudget? { get }
    /// Whether a message is always answered by the same tokens, so that a reply can go on after a restart.
    var isDeterministic: Bool { get }
    /// Streams a reply, its first `skipped` tokens left out.
    func stream(_ prompt: Prompt, skipping skipped: Int, to sink: any ReplySink) -> any ReplyCall
    /// Makes a reply in one piece: one token.
    func reply(to prompt: Prompt, sink: any ReplySink) -> any ReplyCall
}

/// How much of a chat goes to a model.
package struct ContextBudget: Hashable, Sendable {
    /// Estimated tokens.
    package var tokens: Int
    package var messages: Int

    package init(tokens: Int = 8000, messages: Int = 200) {
        self.tokens = tokens
        self.messages = messages
    }

    /// What the original counted: a token for each four UTF-16 units begun.
    package static func estimate(_ text: UTF8Text) -> Int { (text.utf16Count + 3) / 4 }
}
