internal import ChatEngine
internal import LogStore

extension BankingCall {
    func balance() {
        withLedger { ledger in
            if let kind = accountNamed, let account = ledger[kind] {
                return reply(
                    BankingReply(
                        "Your \(kind.name) account balance is \(Money(cents: account.cents).spoken).",
                        confidence: confidence, quickReplies: ["Show my transactions", "Transfer money"],
                        suggestions: [.history, .transfer]))
            }
            let parts = ledger.accounts.map {
                "your \($0.kind.name) account balance is \(Money(cents: $0.cents).spoken)"
            }
            let total = ledger.accounts.reduce(0) { $0 + $1.cents }
            let text = parts.joined(separator: " and ")
            reply(
                BankingReply(
                    text.prefix(1).uppercased() + text.dropFirst() + ", \(Money(cents: total).spoken) in all.",
                    confidence: confidence, quickReplies: ["Show my transactions", "Transfer money"],
                    suggestions: [.history, .transfer]))
        }
    }

    func accounts() {
        withLedger { ledger in
            let named = accountNamed
            let lines = ledger.accounts.filter { named == nil || $0.kind == named }.map {
                "- \($0.kind.name), account number \($0.number), balance \(Money(cents: $0.cents).spoken)"
            }
            reply(
                BankingReply(
                    (["Here is what I have:"] + lines).joined(separator: "\n"), confidence: confidence,
                    quickReplies: ["What's my balance?", "Show my transactions"], suggestions: [.balance, .history]))
        }
    }

    // MARK: History

    private static let defaultEntries = 5
    private static let maximumEntries = 20
    /// How many bookings a sum is made of at most.
    private static let summedEntries = 1000

    func history() {
        let entities = request.detection.entities
        let period = entities.first { $0.kind == .timePeriod }
            .flatMap { TimePeriod($0.value, now: request.turn.receivedAt) }
        let words = Set(request.analysis.tokens)
        let isSum = !words.isDisjoint(with: ["spend", "spent", "spending"]) && words.contains("much")
        let wished = entities.first { $0.kind == .number }.flatMap { Int($0.value) } ?? Self.defaultEntries
        let count = isSum || period != nil ? Self.maximumEntries : min(max(wished, 1), Self.maximumEntries)
        let name = entities.first { $0.kind == .timePeriod }?.value
        engine.ledgerEntries(
            of: request.turn.userID, account: accountNamed, since: period?.since, until: period?.until,
            limit: isSum ? Self.summedEntries : count, request.turn.access
        ) { result in
            switch result {
            case .failure(let error): completion(.failure(error))
            case .success(let entries): reply(historyReply(entries, period: period == nil ? nil : name, isSum: isSum))
            }
        }
    }

    private func historyReply(_ entries: [LedgerEntry], period: String?, isSum: Bool) -> BankingReply {
        let during = period.map { " (\($0))" } ?? ""
        guard !entries.isEmpty else {
            return BankingReply(
                "I found no transactions\(during).", confidence: confidence, suggestions: [.balance, .history])
        }
        // What goes to one's own other account is not spent.
        let spent = entries.filter { $0.cents < 0 && !$0.text.hasPrefix("Transfer ") }
        if isSum {
            let total = spent.reduce(0) { $0 - $1.cents }
            return BankingReply(
                "You spent \(Money(cents: total).spoken)\(during), in \(spent.count) payments.", confidence: confidence,
                quickReplies: ["Show my transactions", "What's my balance?"], suggestions: [.history, .balance])
        }
        let lines = entries.map { entry in
            let sign = entry.cents > 0 ? "+" : ""
            return "- \(entry.bookedAt.isoMilliseconds.prefix(10)) \(entry.text): "
                + "\(sign)\(Money(cents: entry.cents).spoken) (\(entry.account.name))"
        }
        let head =
            entries.count == 1
            ? "Your latest transaction\(during):" : "Your latest \(entries.count) transactions\(during):"
        return BankingReply(
            ([head] + lines).joined(separator: "\n"), confidence: confidence,
            quickReplies: ["What's my balance?", "Transfer money"], suggestions: [.balance, .transfer])
    }
}
