/// Replies that need no ledger.
enum SmallTalkReplies {
    static func reply(to intent: Intent, confidence: Double) -> BankingReply? {
        func say(_ text: String, _ quick: [String] = [], _ suggestions: [BankingReply.Suggestion] = BankingCall.menu)
            -> BankingReply
        {
            BankingReply(text, confidence: confidence, quickReplies: quick, suggestions: suggestions)
        }
        let usual = ["What's my balance?", "Show my transactions", "Transfer money"]
        return switch intent {
        case .greeting: say("Hello! I'm your banking assistant. What can I do for you?", usual)
        case .farewell: say("Goodbye, and thank you for banking with us.", [], [])
        case .thanks: say("You're welcome! Is there anything else I can do for you?", usual)
        case .help, .bankingHelp:
            say(
                """
                I can tell you your balances, list your transactions, move money between your checking and savings \
                accounts, block or unblock your cards, and do sums. Just say what you need, for example "transfer $50 \
                to savings".
                """, usual)
        case .affirmation: say("Good. What would you like me to do?", usual)
        case .negation: say("All right. Let me know if you need anything.", usual)
        case .loanInfo:
            say(
                """
                I can't arrange or look up loans in this chat; a colleague at the bank can. I can help you with your \
                accounts and cards.
                """, usual)
        case .billPayment:
            say(
                """
                I can't pay bills from this chat yet. I can show you your latest payments, or move money between your \
                accounts so that a bill is covered.
                """, ["Show my transactions", "Transfer money"], [.history, .transfer, .balance])
        default: nil
        }
    }
}
