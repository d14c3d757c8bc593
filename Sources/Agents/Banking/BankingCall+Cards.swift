internal import ChatEngine
internal import LogStore

extension BankingCall {
    func cards() {
        withLedger { ledger in
            let named = namedCards(ledger)
            let lines = ledger.cards.filter { named.isEmpty || named.contains($0.kind) }.map {
                "- \($0.spoken): \($0.isBlocked ? "blocked" : "active")"
            }
            reply(
                BankingReply(
                    (["Here are your cards:"] + lines).joined(separator: "\n"), confidence: confidence,
                    quickReplies: ["Block my card", "Unblock my card"], suggestions: [.blockCard, .unblockCard]))
        }
    }

    /// Blocks or unblocks what is named; what is not named and could be more than one card is asked back.
    func setCard(blocked: Bool, completing pending: JSONObject?) {
        withLedger { ledger in
            let candidates = ledger.cards.filter { $0.isBlocked != blocked }
            var chosen = namedCards(ledger)
            if chosen.isEmpty, candidates.count == 1 { chosen = [candidates[0].kind] }
            guard chosen.isEmpty else { return set(chosen[...], blocked, []) }
            let verb = blocked ? "block" : "unblock"
            guard !candidates.isEmpty else {
                return reply(
                    BankingReply(
                        "None of your cards is \(blocked ? "active" : "blocked").", confidence: confidence,
                        suggestions: [blocked ? .unblockCard : .blockCard, .balance]))
            }
            guard pending?["repeated"] == nil else { return completion(.success(nil)) }
            var open: JSONObject = ["action": .string("\(verb)Card")]
            if pending != nil { open["repeated"] = .bool(true) }
            let names = candidates.map(\.spoken)
            reply(
                BankingReply(
                    "Which card should I \(verb): your \(names.joined(separator: " or your "))?",
                    confidence: confidence, quickReplies: candidates.map { "My \($0.kind.name) card" } + ["Both cards"],
                    pending: open, step: "awaiting_card"))
        }
    }

    /// One after the other.
    private func set(_ kinds: ArraySlice<Ledger.CardKind>, _ blocked: Bool, _ outcomes: [CardOutcome]) {
        guard let kind = kinds.first else { return reply(cardReply(outcomes, blocked)) }
        engine.setCard(kind, blocked: blocked, of: request.turn.userID, request.turn.access) { result in
            switch result {
            case .failure(let error): completion(.failure(error))
            case .success(let outcome): set(kinds.dropFirst(), blocked, outcomes + [outcome])
            }
        }
    }

    private func cardReply(_ outcomes: [CardOutcome], _ blocked: Bool) -> BankingReply {
        let state = blocked ? "blocked" : "unblocked"
        let sentences = outcomes.map { outcome in
            switch outcome {
            case .changed(let card) where blocked: "Your \(card.spoken) is now blocked. Nobody can pay with it."
            case .changed(let card): "Your \(card.spoken) is unblocked and can be used again."
            case .unchanged(let card): "Your \(card.spoken) is \(blocked ? "already blocked" : "not blocked")."
            case .unknownCard: "I don't know that card, so nothing was \(state)."
            }
        }
        return BankingReply(
            sentences.joined(separator: " "), confidence: confidence,
            quickReplies: [blocked ? "Unblock my card" : "Block my card", "Show my transactions"],
            suggestions: [blocked ? .unblockCard : .blockCard, .history])
    }

    /// The cards that a message names: by kind, by the last four digits, or all of them.
    private func namedCards(_ ledger: Ledger) -> [Ledger.CardKind] {
        let words = request.analysis.tokens
        if words.contains("both") || words.contains("all") { return ledger.cards.map(\.kind) }
        let digits = Set(request.analysis.numbers + request.analysis.accountNumbers)
        // `credit` alone answers the question which card it is.
        return ledger.cards.filter { words.contains($0.kind.name) || digits.contains($0.lastFour) }.map(\.kind)
    }
}

extension Ledger.Card {
    fileprivate var spoken: String { "\(kind.name) card ending in \(lastFour)" }
}
