internal import ChatEngine
internal import LogStore

/// The built-in banking assistant, over the demo ledger.
///
/// Steps: what was asked back (`bankingContext.pending`) is completed by this message, unless the message is plainly about
/// something else; otherwise the intent decides. A message that it does not understand gets no reply from it.
///
/// Money moves in one place, `BankingCall.transfer`, with the message's id: a message that comes twice moves it once.
struct BankingAgent: Agent {
    let engine: ChatEngine

    func process(
        _ request: AgentRequest, within milliseconds: Int,
        completion: @escaping @Sendable (Result<JSONObject, AgentFailure>) -> Void
    ) -> Cancellation {
        BankingCall(engine: engine, request: request) { result in
            switch result {
            case .success(let reply): completion(.success(reply?.json ?? [:]))
            case .failure(let error): completion(.failure(AgentFailure(message: "\(error)", isInternal: true)))
            }
        }.run()
        return .none
    }
}

/// One message to the assistant.
struct BankingCall: Sendable {
    let engine: ChatEngine
    let request: AgentRequest
    /// nil: not understood.
    let completion: ChatEngine.Completion<BankingReply?>

    var confidence: Double { max(request.detection.confidence, Intent.threshold) }

    func run() {
        let pending = request.pending
        let intent = request.intent
        // A sum in between leaves open what was asked back.
        guard let pending, intent != .calculate, !Self.changesSubject(intent, pending),
            intent != .cardInfo || !isQuestion
        else { return answer(intent) }
        if intent == .negation || intent == .farewell {
            return reply(
                BankingReply("All right, I've left everything as it was.", confidence: 0.95, suggestions: Self.menu))
        }
        switch pending["action"]?.string {
        case "transfer": transfer(completing: pending)
        case "blockCard": setCard(blocked: true, completing: pending)
        case "unblockCard": setCard(blocked: false, completing: pending)
        default: answer(intent)
        }
    }

    /// Whether a message is about something other than what was asked back.
    private static func changesSubject(_ intent: Intent, _ pending: JSONObject) -> Bool {
        switch intent {
        case .unknown, .affirmation, .negation, .farewell, .cardInfo: false
        case .transferMoney: pending["action"]?.string != "transfer"
        case .cardBlock: pending["action"]?.string != "blockCard"
        case .cardUnblock: pending["action"]?.string != "unblockCard"
        // `my savings` as an answer to `which account?`
        case .balanceCheck, .accountInfo: pending["action"]?.string != "transfer" || pending["asksAccount"] == nil
        default: true
        }
    }

    /// `is my debit card blocked?` names a card, but is no answer to `which one?`.
    private var isQuestion: Bool {
        let words = request.analysis.tokens
        return words.first.map { Self.questionWords.contains($0) } ?? false
    }

    private static let questionWords: Set<String> = [
        "is", "are", "was", "were", "do", "does", "did", "has", "have", "what", "which", "when", "where", "why", "how",
        "show", "list", "tell",
    ]

    func reply(_ reply: BankingReply) { completion(.success(reply)) }

    static let menu: [BankingReply.Suggestion] = [.balance, .history, .transfer, .blockCard]

    private func answer(_ intent: Intent) {
        switch intent {
        case .balanceCheck: balance()
        case .transactionHistory: history()
        case .transferMoney: transfer(completing: nil)
        case .cardInfo: cards()
        case .cardBlock: setCard(blocked: true, completing: nil)
        case .cardUnblock: setCard(blocked: false, completing: nil)
        case .accountInfo: accounts()
        case .unknown, .calculate: completion(.success(nil))
        default:
            guard let reply = SmallTalkReplies.reply(to: intent, confidence: confidence) else {
                return completion(.success(nil))
            }
            self.reply(reply)
        }
    }

    /// Goes on with the ledger.
    func withLedger(_ body: @escaping @Sendable (Ledger) -> Void) {
        let turn = request.turn
        engine.ledger(of: turn.userID, turn.access) { result in
            switch result {
            case .success(let ledger): body(ledger)
            case .failure(let error): completion(.failure(error))
            }
        }
    }

    var accountNamed: Ledger.AccountKind? {
        let named = request.detection.entities.filter { $0.kind == .accountType }
        return named.count == 1 ? Ledger.AccountKind(name: named[0].value) : nil
    }
}

extension AgentRequest {
    /// What the built-in assistant goes by: the intent of an nlu elsewhere if it is one of ours and the nlu does not doubt
    /// it, else the built-in one's.
    var intent: Intent {
        let confidence = previous.intentDetection?["confidence"]?.number ?? 1
        let name = confidence >= Intent.threshold ? previous.intentDetection?["intent"]?.string : nil
        return name.flatMap(Intent.init(rawValue:)) ?? detection.intent
    }

    /// What was asked back in the last turn.
    var pending: JSONObject? {
        if case .object(let pending)? = turn.conversationContext["bankingContext"]?["pending"] { pending } else { nil }
    }
}
