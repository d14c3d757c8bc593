internal import ChatEngine

/// What a message says about a transfer, and what was said before.
struct TransferRequest: Hashable, Sendable {
    var cents: Int64?
    var from: Ledger.AccountKind?
    var to: Ledger.AccountKind?
    /// An account is named that a transfer from here cannot reach.
    var names: Stranger?

    enum Stranger: Hashable, Sendable {
        case person(String)
        case account(String)
        case currency(String)
    }

    init() {}

    /// Reads a message. An account behind `from` or `out of` is the source, any other one the destination; with one known
    /// the other follows, as there are two. Behind the `to` of money, as in `$10 to Bob`, a word that is no account of the
    /// customer's is somebody else: nothing may be moved then, least of all to where it would go otherwise.
    init(_ analysis: LanguageAnalysis, own numbers: [String: Ledger.AccountKind]) {
        let tokens = analysis.utterance.tokens
        let mentionEnds = Set(analysis.mentions.map(\.range.upperBound))
        read(amountOf: analysis)
        var direction: String?
        var isOfMoney = false
        var somebody: String?
        for (index, token) in tokens.enumerated() where token.kind != .sign {
            switch token.text {
            case "from": direction = "from"
            case "of" where index > 0 && tokens[index - 1].text == "out": direction = "from"
            case "to", "into", "in", "onto", "towards":
                direction = "to"
                isOfMoney =
                    token.text != "in"
                    && (index == 0 || mentionEnds.contains(index) || Self.saysWhat(tokens[index - 1].text))
            default:
                guard let account = Self.account(token.text) ?? numbers[token.text] else {
                    guard direction == "to", token.kind == .word else { continue }
                    if Self.people.contains(token.text) { names = .person(token.text) }
                    if isOfMoney, somebody == nil, !Self.fillers.contains(token.text) { somebody = token.text }
                    continue
                }
                // `to Bob's savings`
                if direction == "to", let somebody, tokens[index - 1].text == "is" { names = .person(somebody) }
                if direction == "from" {
                    from = from ?? account
                } else if direction == "to" || from == nil {
                    to = account
                } else {
                    to = to ?? account
                }
                direction = nil
            }
        }
        if to == nil, names == nil, let somebody { names = .person(somebody) }
        if let stranger = analysis.accountNumbers.first(where: { numbers[$0] == nil }) { names = .account(stranger) }
    }

    private mutating func read(amountOf analysis: LanguageAnalysis) {
        if let money = analysis.amounts.last {
            cents = money.cents
            if money.currency != "USD" { names = .currency(money.currency) }
        } else {
            cents = analysis.numbers.lazy.compactMap { Money.cents(of: $0) }.first
        }
    }

    private static func account(_ word: String) -> Ledger.AccountKind? {
        Ledger.AccountKind(name: word) ?? Ledger.AccountKind.allCases.first { Stemmer.isTypo(word, of: $0.name) }
    }

    /// The destination's words for somebody else.
    private static let people: Set<String> = [
        "friend", "friends", "mom", "mum", "mother", "dad", "father", "brother", "sister", "wife", "husband", "son",
        "daughter", "landlord", "someone", "somebody", "him", "her", "them", "boss", "roommate", "partner", "neighbor",
        "girlfriend", "boyfriend", "company", "person",
    ]

    /// What may be in front of the `to` that says where money goes, besides amounts.
    private static func saysWhat(_ word: String) -> Bool {
        account(word) != nil || carriers.contains(word)
    }

    private static let carriers: Set<String> = [
        "it", "that", "this", "money", "cash", "funds", "amount", "transfer", "send", "wire", "move", "payment",
        "everything", "rest", "half",
    ]

    /// Words behind that `to` that name nobody.
    private static let fillers: Set<String> = [
        "my", "me", "mine", "myself", "our", "us", "the", "a", "an", "another", "other", "one", "both", "account",
        "accounts", "bank", "it", "that", "this", "there", "here", "be", "pay", "cover", "help", "save", "make",
        "keep", "avoid", "where", "which", "please", "and", "or", "is", "not",
    ]

    /// Takes over what this message leaves open.
    mutating func complete(with earlier: TransferRequest) {
        cents = cents ?? earlier.cents
        // `to savings`, said after `from savings`, is no transfer to itself by mistake: the newer word wins.
        from = from ?? (earlier.from == to && to != nil ? nil : earlier.from)
        to = to ?? (earlier.to == from && from != nil ? nil : earlier.to)
    }

    /// With one side known, the other one is the other account.
    mutating func inferOtherSide() {
        if let to, from == nil { from = to == .savings ? .checking : .savings }
        if let from, to == nil { to = from == .savings ? .checking : .savings }
    }

    var isEmpty: Bool { cents == nil && from == nil && to == nil && names == nil }

    // MARK: In the conversation's context

    var json: JSONObject {
        var object: JSONObject = ["action": .string("transfer")]
        if let cents { object["amountCents"] = .number(Double(cents)) }
        if let from { object["from"] = .string(from.name) }
        if let to { object["to"] = .string(to.name) }
        return object
    }

    init(_ object: JSONObject) {
        cents = object["amountCents"]?.number.flatMap { Int64(exactly: $0) }
        from = object["from"]?.string.flatMap(Ledger.AccountKind.init(name:))
        to = object["to"]?.string.flatMap(Ledger.AccountKind.init(name:))
    }
}
