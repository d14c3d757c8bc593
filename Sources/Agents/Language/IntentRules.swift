/// Rules of one intent each, tried in order; the first that fits decides. So the more particular ones come first.
struct IntentRule: Sendable {
    let intent: Intent
    /// Each of these must be met by at least one of its concepts.
    let needs: [Concepts]
    /// None of these may be there.
    var without: Concepts = []
    /// What is left of the intent's confidence: 1 for a plain match.
    var strength = 1.0

    init(_ intent: Intent, _ needs: [Concepts], without: Concepts = [], strength: Double = 1) {
        self.intent = intent
        self.needs = needs
        self.without = without
        self.strength = strength
    }

    func fits(_ concepts: Concepts) -> Bool {
        concepts.isDisjoint(with: without) && needs.allSatisfy { !concepts.isDisjoint(with: $0) }
    }

    static let all: [IntentRule] = cards + loans + money + accounts + assistance

    private static let cards: [IntentRule] = [
        // `is my card blocked?` asks, `my card is blocked, can you fix that` wants it undone.
        IntentRule(.cardUnblock, [.blockedState, .card, .repair], without: .loss),
        IntentRule(.cardUnblock, [.unblock, .card], without: .block),
        IntentRule(.cardUnblock, [.recover, [.card, .wallet], .unblock]),
        IntentRule(.cardInfo, [.blockedState, .card, .question]),
        IntentRule(.cardUnblock, [.blockedState, .card], without: .block, strength: 0.8),
        IntentRule(.cardBlock, [.block, .card], without: .other),
        IntentRule(.cardBlock, [.loss, .card], without: .other),
        IntentRule(.cardBlock, [.loss, .wallet]),
        IntentRule(.cardBlock, [.misuse, .card]),
        IntentRule(.cardUnblock, [.recover, .card], strength: 0.8),
    ]

    private static let loans: [IntentRule] = [
        IntentRule(.loanInfo, [.loan]),
        IntentRule(.loanInfo, [.borrow, [.money, .howMuch, .amount, .mine]]),
    ]

    private static let money: [IntentRule] = [
        IntentRule(.billPayment, [.pay, .bill], without: .spend),
        IntentRule(.transactionHistory, [.pay, .howMuch, .question], without: .bill),
        IntentRule(.transactionHistory, [.transactions, [.show, .what, .period, .spend]], without: .move),
        IntentRule(.transactionHistory, [.spend, [.howMuch, .what, .period, .card, .money, .show, .question]]),
        IntentRule(.transactionHistory, [.payment, [.show, .what, .period]], without: .pay),
        IntentRule(.transferMoney, [.transfer, [.money, .amount, .account, .ownAccount, .short]]),
        IntentRule(
            .transferMoney, [.move, [.money, .amount], [.ownAccount, .account, .into]], without: [.bill, .loan]),
        IntentRule(.transferMoney, [.move, [.amount, .money], .ownAccount]),
        IntentRule(
            .transferMoney, [.amount, .ownAccount, .into],
            without: [.howMuch, .balance, .have, .spend, .transactions, .loan, .pay, .income], strength: 0.8),
        IntentRule(.billPayment, [.pay, [.bill, .amount, .card, .short]], without: .transactions),
        IntentRule(.billPayment, [.bill, [.amount, .have, .what]], without: .howMuch, strength: 0.9),
        IntentRule(.transactionHistory, [.income, [.arrive, .what, .period, .mine]], without: [.move, .transfer]),
        IntentRule(.transactionHistory, [.flow, [.account, .ownAccount, .money]]),
    ]

    private static let accounts: [IntentRule] = [
        IntentRule(.accountInfo, [.identifier, [.account, .ownAccount, .identifier]]),
        IntentRule(.balanceCheck, [.balance, [.mine, .account, .ownAccount, .show, .short]], without: .other),
        IntentRule(.cardInfo, [.card, .cardFeature], without: .other),
        IntentRule(.accountInfo, [.interest, [.account, .ownAccount]]),
        IntentRule(
            .balanceCheck, [.howMuch, [.money, .account, .ownAccount, .have, .mine]], without: [.card, .spend]),
        IntentRule(.balanceCheck, [.left, [.account, .ownAccount, .money]], without: [.card, .details]),
        IntentRule(.transactionHistory, [.transactions, [.account, .ownAccount, .mine, .short, .period]]),
        IntentRule(.bankingHelp, [[.help, .ability], [.bank, .account]]),
        IntentRule(.accountInfo, [[.account, .ownAccount], [.details, .what, .open, .identifier]], strength: 1),
        IntentRule(.accountInfo, [.account, .show, .mine], strength: 0.9),
        IntentRule(.balanceCheck, [.accountNumber, [.account, .money]], strength: 0.8),
        IntentRule(.balanceCheck, [.ownAccount, .question, .mine], strength: 0.7),
        IntentRule(.transactionHistory, [.transactions, .short], strength: 0.9),
    ]

    private static let assistance: [IntentRule] = [
        IntentRule(.bankingHelp, [[.help, .ability], .bank])
    ]
}
