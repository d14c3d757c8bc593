/// The entities of poc.md 11.2 in a message: what the mentions of the nlp are to a bank, and names of accounts, cards, bills,
/// loans and times.
enum NamedEntities {
    static func find(in analysis: LanguageAnalysis) -> [Entity] {
        let tokens = analysis.utterance.tokens
        var entities: [Entity] = []
        for mention in analysis.mentions {
            switch mention.what {
            case .money(let money):
                entities.append(Entity(kind: .amount, value: money.decimal))
                if money.currency != "USD" || !entities.contains(where: { $0.kind == .currency }) {
                    entities.append(Entity(kind: .currency, value: money.currency))
                }
            case .number(let text): entities.append(Entity(kind: .number, value: text))
            case .accountNumber(let text): entities.append(Entity(kind: .accountNumber, value: text))
            case .date(let text): entities.append(Entity(kind: .date, value: text))
            }
        }
        let words = tokens.compactMap { $0.kind == .word ? $0.text : nil }
        for word in words {
            if let account = accounts[word], !entities.contains(Entity(kind: .accountType, value: account)) {
                entities.append(Entity(kind: .accountType, value: account))
            }
            let typo = accounts.keys.first { Stemmer.isTypo(word, of: $0) && accounts[word] == nil }
            if let account = typo.flatMap({ accounts[$0] }) {
                entities.append(Entity(kind: .accountType, value: account))
            }
        }
        if let loan = first(words, loans, beside: ["loan", "loans", "mortgage", "mortgages", "financing"]) {
            entities.append(Entity(kind: .loanType, value: loan))
        }
        let bill = first(words, bills, beside: ["bill", "bills", "pay", "invoice", "payment", "rent", "autopay"])
        if let bill { entities.append(Entity(kind: .billType, value: bill)) }
        for (index, word) in words.enumerated() {
            guard word == "debit" || word == "credit", words.contains(where: { $0.hasPrefix("card") }) else { continue }
            if word == "credit", index + 1 < words.count, !words[index + 1].hasPrefix("card") { continue }
            if bill == "credit card" { continue }
            let entity = Entity(kind: .cardType, value: word)
            if !entities.contains(entity) { entities.append(entity) }
        }
        if let period = timePeriod(tokens) { entities.append(Entity(kind: .timePeriod, value: period)) }
        return entities
    }

    private static let accounts = ["savings": "savings", "checking": "checking"]

    private static let loans = [
        "mortgage": "mortgage", "mortgages": "mortgage", "home": "home", "house": "home", "car": "auto", "auto": "auto",
        "vehicle": "auto", "student": "student", "education": "student", "personal": "personal", "business": "business",
    ]

    private static let bills = [
        "electricity": "electricity", "electric": "electricity", "power": "electricity", "water": "water", "gas": "gas",
        "internet": "internet", "wifi": "internet", "broadband": "internet", "phone": "phone", "mobile": "phone",
        "cell": "phone", "rent": "rent", "insurance": "insurance", "credit": "credit card", "cable": "cable",
        "tv": "cable", "heating": "heating", "tax": "tax",
    ]

    /// The first word that names something, if one of `signals` is in the message too.
    private static func first(_ words: [String], _ names: [String: String], beside signals: Set<String>) -> String? {
        guard words.contains(where: signals.contains), let place = words.firstIndex(where: { names[$0] != nil }) else {
            return nil
        }
        return names[words[place]]
    }

    // MARK: Times

    private static let units: Set<String> = ["day", "days", "week", "weeks", "month", "months", "year", "years"]

    /// `last month`, `this week`, `last 30 days`, `today`, `june`; nil if no time is named.
    static func timePeriod(_ tokens: [Utterance.Token]) -> String? {
        for (index, token) in tokens.enumerated() where token.kind == .word {
            switch token.text {
            case "today", "yesterday": return token.text
            case "last", "past", "previous", "this":
                let which = token.text == "this" ? "this" : "last"
                guard index + 1 < tokens.count else { continue }
                if units.contains(tokens[index + 1].text) { return "\(which) \(tokens[index + 1].text)" }
                guard let (count, end) = EntityExtractor.number(tokens, index + 1), end < tokens.count,
                    units.contains(tokens[end].text)
                else { continue }
                return "\(which) \(count) \(tokens[end].text)"
            case "for", "in", "from", "since", "during", "of":
                guard index + 1 < tokens.count else { continue }
                let next = tokens[index + 1]
                if next.kind == .word, next.text.count > 3 || next.text == "may",
                    let month = EntityExtractor.monthName(next.text)
                {
                    return month
                }
            default: continue
            }
        }
        return nil
    }
}
