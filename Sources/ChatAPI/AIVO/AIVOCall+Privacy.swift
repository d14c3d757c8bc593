package import ChatEngine
internal import HTTPTransport
internal import LogStore

/// Exports and erasures of a learner's data.
extension AIVOCall {
    func requestExport(_ member: AIVOMember) throws(AIVOReply) {
        let learner = try learner(member)
        let scope = PrivacyRequest.Scope(aivoName: input.required("export_type").string)
        surface.privacy.requestExport(of: learner, scope, member.access) { result in
            finish(result) { accepted($0, "export_id") }
        }
    }

    func requestDeletion(_ member: AIVOMember) throws(AIVOReply) {
        let learner = try learner(member)
        let scope = PrivacyRequest.Scope(aivoName: input.required("deletion_type").string)
        surface.privacy.requestDeletion(of: learner, scope, member.access) { result in
            finish(result) { accepted($0, "deletion_id") }
        }
    }

    private func learner(_ member: AIVOMember) throws(AIVOReply) -> String {
        let learner = input.required("learner_id").string
        guard member.access.reaches(owner: learner) else { throw .learnerOutOfScope }
        return learner
    }

    private func accepted(_ request: PrivacyRequest, _ id: StaticString) -> AIVOReply {
        AIVOReply(200) { out in
            out.append(key: #"{""#)
            out.append(key: id)
            out.append(key: #"":""#)
            request.id.write(to: &out)
            out.append(key: #"","status":"pending","requested_at":"#)
            out.append(aivoTime: request.requestedAt)
            out.append(UInt8(ascii: "}"))
        }
    }

    // MARK: Looking

    func getRequest(_ kind: PrivacyRequest.Kind, _ member: AIVOMember) {
        find(kind, member) { request in
            answer(AIVOReply(200) { $0.append(aivoRequest: request, tenant: member.tenant, now: engine.clock.now()) })
        }
    }

    private func find(
        _ kind: PrivacyRequest.Kind, _ member: AIVOMember, _ found: @escaping @Sendable (PrivacyRequest) -> Void
    ) {
        let missing = kind == .export ? "Export not found" : "Deletion not found"
        let text = parameters[kind == .export ? "export_id" : "deletion_id"] ?? ""
        guard let id = UUIDValue(text: text) else { return answer(AIVOReply(404, missing)) }
        engine.blocking({ (result: Result<PrivacyRequest, ChatError>) in
            switch result {
            case .success(let request): found(request)
            case .failure(let error): answer(error, missing: missing)
            }
        }) { [engine] () throws(ChatError) in try engine.privacyRequest(id, kind, member.access) }
    }

    func listPrivacyLog(_ member: AIVOMember) throws(AIVOReply) {
        guard member.isAdmin else { throw .adminRequired }
        let limit = input.integer("limit")
        let after = input.text("after").flatMap { Base64.decodeURL($0.string) }
        engine.blocking({ result in
            finish(result) { (page: (requests: [PrivacyRequest], next: [UInt8]?)) in
                AIVOReply(200, reserving: 64 + 400 * page.requests.count) { out in
                    out.append(key: #"{"entries":["#)
                    for (index, request) in page.requests.enumerated() {
                        if index > 0 { out.append(UInt8(ascii: ",")) }
                        out.append(aivoRequest: request, tenant: member.tenant, now: engine.clock.now())
                    }
                    out.append(key: #"],"next":"#)
                    if let next = page.next {
                        out.append(jsonString: Base64.encodeURL(next))
                    } else {
                        out.append(key: "null")
                    }
                    out.append(UInt8(ascii: "}"))
                }
            }
        }) { [engine] () throws(ChatError) in try engine.privacyLog(after: after, limit: limit, member.access) }
    }

    // MARK: Download

    func downloadExport(_ member: AIVOMember) {
        find(.export, member) { request in
            guard request.status == .completed else {
                return answer(AIVOReply(409, "Export is not completed"))
            }
            engine.blocking({ (result: Result<BundleDownload, ChatError>) in
                switch result {
                case .success(let download): download.answer(self.request, exchange)
                case .failure(.sessionNotFound): answer(AIVOReply(410, "Export has expired"))
                case .failure(let error): answer(error)
                }
            }) { [engine, surface, log = configuration.log] () throws(ChatError) in
                try BundleDownload(request, file: surface.privacy.openBundle(request), engine: engine, log: log)
            }
        }
    }
}

extension PrivacyRequest.Scope {
    /// - Precondition: one of the declared choices.
    init(aivoName name: String) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else {
            preconditionFailure("the declaration has other types")
        }
        self = found
    }
}

extension PrivacyRequest.Status {
    var aivoName: String {
        switch self {
        case .pending: "pending"
        case .processing: "processing"
        case .completed: "completed"
        case .failed: "failed"
        }
    }
}

extension Array where Element == UInt8 {
    mutating func append(aivoRequest request: PrivacyRequest, tenant: String, now: Timestamp) {
        let isExport = request.kind == .export
        append(key: isExport ? #"{"export_id":""# : #"{"deletion_id":""#)
        request.id.write(to: &self)
        append(key: #"","status":"#)
        append(jsonString: request.status.aivoName)
        append(key: #","requested_at":"#)
        append(aivoTime: request.requestedAt)
        append(key: #","tenant_id":"#)
        append(jsonString: tenant)
        append(key: #","learner_id":"#)
        append(jsonString: request.learner)
        append(key: #","requested_by":"#)
        append(jsonString: request.requestedBy)
        append(key: isExport ? #","export_type":"# : #","deletion_type":"#)
        append(jsonString: request.scope.name)
        append(key: #","thread_count":"#)
        append(decimal: Int64(clamping: request.threads))
        append(key: #","message_count":"#)
        append(decimal: Int64(clamping: request.messages))
        append(key: #","completed_at":"#)
        if let time = request.completedAt { append(aivoTime: time) } else { append(key: "null") }
        if isExport {
            append(key: #","expires_at":"#)
            if let bundle = request.bundle { append(aivoTime: bundle.expiresAt) } else { append(key: "null") }
            append(key: #","size":"#)
            if let bundle = request.bundle {
                append(decimal: Int64(clamping: bundle.bytes))
            } else {
                append(key: "null")
            }
            let isThere = request.bundle.map { !$0.isRemoved && now < $0.expiresAt } ?? false
            append(key: isThere ? #","available":true"# : #","available":false"#)
        }
        append(UInt8(ascii: "}"))
    }
}

extension BundleFormat {
    /// A thread or message as the surface shows it, with its type in front.
    package static let aivo = BundleFormat(
        thread: { out, session, tenant in
            out.append(key: #"{"type":"thread","#)
            out.append(aivoThreadMembers: session, tenant: String(tenant.name.dropFirst("aivo:".count)))
            out.append(key: "}\n")
        },
        message: { out, stored, thread, withContent in
            out.append(key: #"{"type":"message","#)
            out.append(aivoMessageMembers: stored, thread: thread, withContent: withContent)
            out.append(key: "}\n")
        })
}
