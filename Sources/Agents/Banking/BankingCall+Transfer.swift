internal import ChatEngine
internal import LogStore

extension BankingCall {
    /// Steps: read the message; take over what was said before; refuse what cannot be; ask for what is missing; move.
    func transfer(completing pending: JSONObject?) {
        withLedger { ledger in
            let numbers = Dictionary(ledger.accounts.map { ($0.number, $0.kind) }) { first, _ in first }
            var wish = TransferRequest(request.analysis, own: numbers)
            let saysNothing = wish.isEmpty
            if let pending { wish.complete(with: TransferRequest(pending)) }
            if let stranger = wish.names { return reply(Self.refusal(stranger)) }
            if let cents = wish.cents, cents <= 0 {
                return ask(
                    wish, "I can only transfer amounts above zero. How much should I transfer?", clearsAmount: true)
            }
            // Asked back once and not answered: the customer is somewhere else.
            if pending?["repeated"] != nil, saysNothing { return completion(.success(nil)) }
            wish.inferOtherSide()
            guard let cents = wish.cents else {
                return ask(wish, "How much would you like to transfer?", isRepeated: pending != nil && saysNothing)
            }
            guard let from = wish.from, let to = wish.to else {
                return ask(
                    wish, "Where should the \(Money(cents: cents).spoken) go, to savings or to checking?",
                    isRepeated: pending != nil && saysNothing)
            }
            move(TransferOrder(operationID: request.turn.messageID, from: from, to: to, cents: cents))
        }
    }

    private func ask(_ wish: TransferRequest, _ text: String, clearsAmount: Bool = false, isRepeated: Bool = false) {
        var wish = wish
        if clearsAmount { wish.cents = nil }
        var pending = wish.json
        let asksAmount = wish.cents == nil
        if !asksAmount { pending["asksAccount"] = .bool(true) }
        if isRepeated { pending["repeated"] = .bool(true) }
        let places = wish.to == nil ? ["to savings", "to checking"] : ["to \(wish.to?.name ?? "")"]
        reply(
            BankingReply(
                text, confidence: confidence,
                quickReplies: (asksAmount ? ["$50 \(places[0])", "$100 \(places[0])"] : ["To savings", "To checking"])
                    + ["Cancel"],
                pending: pending, step: asksAmount ? "awaiting_amount" : "awaiting_account"))
    }

    private func move(_ order: TransferOrder) {
        engine.transfer(order, of: request.turn.userID, request.turn.access) { result in
            switch result {
            case .failure(let error): completion(.failure(error))
            case .success(.done(let receipt)): reply(done(receipt))
            case .success(.refused(let refusal)): reply(refused(refusal, order))
            }
        }
    }

    private func done(_ receipt: TransferReceipt) -> BankingReply {
        BankingReply(
            """
            Done: I've moved \(Money(cents: receipt.cents).spoken) from \(receipt.from.name) to \(receipt.to.name). Your \
            \(receipt.from.name) balance is now \(Money(cents: receipt.fromCents).spoken), your \(receipt.to.name) \
            balance \(Money(cents: receipt.toCents).spoken).
            """,
            confidence: confidence, quickReplies: ["What's my balance?", "Show my transactions"],
            suggestions: [.balance, .history])
    }

    private func refused(_ refusal: TransferOutcome.Refusal, _ order: TransferOrder) -> BankingReply {
        let amount = Money(cents: order.cents).spoken
        switch refusal {
        case .insufficientFunds(let available):
            var wish = TransferRequest()
            wish.from = order.from
            wish.to = order.to
            return BankingReply(
                """
                I can't transfer \(amount): your \(order.from.name) account has only \(Money(cents: available).spoken). \
                Would you like to transfer a smaller amount?
                """,
                confidence: confidence,
                quickReplies: available > 0 ? ["Transfer \(Money(cents: available).spoken)", "Cancel"] : ["Cancel"],
                suggestions: [.balance], pending: wish.json, step: "awaiting_amount")
        case .sameAccount:
            return BankingReply(
                "That is the same account on both sides, so there is nothing to transfer.", confidence: confidence,
                suggestions: [.transfer, .balance])
        case .notPositive:
            return BankingReply(
                "I can only transfer amounts above zero.", confidence: confidence, suggestions: [.transfer])
        case .tooLarge:
            return BankingReply(
                "\(amount) is more than I may transfer at once.", confidence: confidence, suggestions: [.transfer])
        case .unknownAccount:
            return BankingReply(
                "I don't know that account. You have a checking and a savings account.", confidence: confidence,
                suggestions: [.transfer, .balance])
        }
    }

    private static func refusal(_ stranger: TransferRequest.Stranger) -> BankingReply {
        let text =
            switch stranger {
            case .person: "I can only move money between your own checking and savings accounts, not to other people."
            case .account(let number):
                "Account \(number) is not one of yours. I can only move money between your own accounts."
            case .currency: "Your accounts are kept in US dollars, so I can only transfer dollars."
            }
        return BankingReply(
            text, confidence: 0.9, quickReplies: ["Transfer money", "What's my balance?"],
            suggestions: [.transfer, .balance])
    }
}
