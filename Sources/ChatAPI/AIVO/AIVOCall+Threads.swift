internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// Threads: sessions of the tenant `aivo:<tenant>` whose owner is the learner.
extension AIVOCall {
    func createThread(_ member: AIVOMember) throws(AIVOReply) {
        let learner = input.required("learner_id").string
        guard member.access.reaches(owner: learner) else { throw .learnerOutOfScope }
        var state = SessionState()
        state.title = input.required("title")
        state.description = input.text("description")
        state.metadata = input.object("metadata")
        state.createdBy = UTF8Text(member.user)
        engine.createSession(SessionDraft(ids: .uuid, owner: learner, state: state), member.access) { result in
            finish(result) { thread($0, member) }
        }
    }

    func listThreads(_ member: AIVOMember) {
        let learner = input.text("learner_id").flatMap { $0.isEmpty ? nil : $0.string }
        let query = SessionPageQuery(owner: learner, limit: input.integer("limit"), offset: input.integer("offset"))
        engine.page(query, member.access) { result in
            finish(result) { page in
                AIVOReply(200, reserving: 64 + 512 * page.sessions.count) { out in
                    out.append(key: #"{"threads":["#)
                    for (index, session) in page.sessions.enumerated() {
                        if index > 0 { out.append(UInt8(ascii: ",")) }
                        out.append(aivoThread: session, tenant: member.tenant)
                    }
                    out.append(UInt8(ascii: "]"))
                    out.append(aivoTotal: page.total, limit: query.limit, offset: query.offset)
                }
            }
        }
    }

    func getThread(_ member: AIVOMember) {
        engine.session(threadID, member.access) { result in
            finish(result) { thread($0.session, member) }
        }
    }

    func updateThread(_ member: AIVOMember) {
        engine.updateSession(
            threadID, member.access,
            change: { [input] (state, _) throws(ChatError) in
                if let title = input.text("title") { state.title = title }
                if let description = input.text("description") { state.description = description }
                if let metadata = input.object("metadata") { state.metadata = metadata }
            },
            completion: { result in finish(result) { thread($0, member) } })
    }

    func deleteThread(_ member: AIVOMember) {
        engine.deleteSession(threadID, member.access) { result in
            finish(result) { _ in .message("Thread deleted successfully") }
        }
    }

    private func thread(_ session: Session, _ member: AIVOMember) -> AIVOReply {
        AIVOReply(200) { $0.append(aivoThread: session, tenant: member.tenant) }
    }
}
