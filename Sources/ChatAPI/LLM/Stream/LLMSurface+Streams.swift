package import ChatEngine
internal import LogStore

/// The life of streamed replies beyond one request.
extension LLMSurface {
    /// Has the responder answer. May be called on the store's thread.
    func start(_ generation: Generation, answering message: UTF8Text, in chat: String, _ access: Access) {
        prompt(message, in: chat, access) { result in
            switch result {
            case .success(let prompt): generation.start(prompt)
            case .failure: generation.finish(.failure(ResponderFailure("The chat could not be read")))
            }
        }
    }

    /// What the responder is given: the message, and the newest of the chat that fit into its budget. Completes on
    /// another thread than the caller's.
    func prompt(
        _ message: UTF8Text, in chat: String, _ access: Access, completion: @escaping ChatEngine.Completion<Prompt>
    ) {
        guard let budget = responder.context else {
            return timers.schedule(afterMicroseconds: 0) { completion(.success(Prompt(message: message))) }
        }
        engine.newestMessages(
            of: chat, limit: budget.messages, access,
            admits: { message, taken in
                let total = taken + ContextBudget.estimate(message.content)
                // The newest one goes in whatever its size.
                return taken == 0 || total <= budget.tokens ? max(1, total) : nil
            },
            completion: { result in
                completion(
                    result.map { messages in
                        Prompt(
                            message: message, context: messages.map { ($0.message.role ?? .user, $0.message.content) })
                    })
            })
    }

    /// Goes on with the replies that a server which went down was streaming. To be called once, before listening. Blocks.
    ///
    /// A reply of a deterministic responder goes on where it was; any other ends as interrupted, with the tokens that
    /// clients may have had.
    package func recoverStreams() throws(ChatError) {
        for leftover in try engine.leftoverReplies() {
            let generation = Generation(
                leftover.reply, in: leftover.session, isResumable: true, surface: self,
                requestID: leftover.reply.id.string,
                leftover: leftover)
            streams.add(recovered: generation)
            guard responder.isDeterministic else {
                generation.stop(.interrupted)
                continue
            }
            let prompt = Prompt(message: leftover.question)
            timers.schedule(afterMicroseconds: 0) { generation.start(prompt) }
        }
    }

    /// Stops every reply; those that can be resumed are left to the next server. What they have to store is queued when
    /// this returns.
    package func stopStreams() {
        for generation in streams.close() { generation.suspend() }
    }
}
