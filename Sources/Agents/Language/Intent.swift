/// The intents of the built-in nlu: names and confidences of poc.md 11.1, and one more for its own tool.
package enum Intent: String, Sendable, CaseIterable {
    case balanceCheck = "banking.balance.check"
    case transactionHistory = "banking.transaction.history"
    case transferMoney = "banking.transfer.money"
    case cardInfo = "banking.card.info"
    case cardBlock = "banking.card.block"
    case cardUnblock = "banking.card.unblock"
    case loanInfo = "banking.loan.info"
    case billPayment = "banking.bill.payment"
    case accountInfo = "banking.account.info"
    case bankingHelp = "banking.help"
    case greeting
    case farewell
    case help
    case affirmation
    case negation
    case thanks
    case calculate = "tools.calculate"
    case unknown

    /// Of a plain match.
    package var confidence: Double {
        switch self {
        case .balanceCheck, .cardBlock, .cardUnblock, .affirmation, .negation: 0.95
        case .transferMoney: 0.92
        case .transactionHistory, .billPayment, .greeting, .farewell, .thanks, .calculate: 0.9
        case .cardInfo, .loanInfo: 0.88
        case .accountInfo: 0.85
        case .bankingHelp, .help: 0.8
        case .unknown: 0
        }
    }

    /// Below it a message counts as not understood.
    package static let threshold = 0.6
}
