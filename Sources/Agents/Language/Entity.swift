package import ChatEngine

/// Something that a message names: poc.md 11.2 has the kinds.
package struct Entity: Hashable, Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case amount
        case accountNumber = "account_number"
        case cardType = "card_type"
        case accountType = "account_type"
        case billType = "bill_type"
        case timePeriod = "time_period"
        case loanType = "loan_type"
        case number
        case currency
        case date
    }

    package var kind: Kind
    package var value: String
}

/// What the built-in nlp finds in a text: tokens, entities by kind, and the mood.
package struct LanguageAnalysis: Sendable {
    package enum Sentiment: String, Sendable { case positive, neutral, negative }

    let utterance: Utterance
    let mentions: [Mention]
    package let sentiment: Sentiment

    package init(_ text: String) {
        utterance = Utterance(text)
        mentions = EntityExtractor.mentions(in: utterance.tokens)
        sentiment = SentimentLexicon.sentiment(of: utterance.tokens)
    }

    package var tokens: [String] { utterance.words }
    package var normalized: String { utterance.normalized }

    /// Amounts of money that are marked as such, by a sign or a unit.
    var amounts: [Money] { mentions.compactMap { if case .money(let money) = $0.what { money } else { nil } } }
    /// Other numbers, as decimal text.
    var numbers: [String] { mentions.compactMap { if case .number(let text) = $0.what { text } else { nil } } }
    var accountNumbers: [String] {
        mentions.compactMap { if case .accountNumber(let text) = $0.what { text } else { nil } }
    }
    var dates: [String] { mentions.compactMap { if case .date(let text) = $0.what { text } else { nil } } }

    /// `{"money":["$20.00"],"numbers":["5"],"dates":["tomorrow"],"accountNumbers":["12345678"]}`; only what was found.
    package var entities: JSONObject {
        var object = JSONObject()
        func add(_ key: String, _ values: [String]) {
            if !values.isEmpty { object[key] = .array(values.map { .string($0) }) }
        }
        add("money", amounts.map(\.spoken))
        add("numbers", numbers)
        add("dates", dates)
        add("accountNumbers", accountNumbers)
        return object
    }
}

/// The mood of a text by its words; `not` in front turns a word round.
enum SentimentLexicon {
    private static let positive: Set<String> = [
        "good", "great", "thanks", "thank", "love", "like", "nice", "excellent", "awesome", "perfect", "happy",
        "amazing",
        "appreciate", "wonderful", "fantastic", "helpful", "cool", "best", "glad", "pleased", "fast", "easy",
        "brilliant",
    ]
    private static let negative: Set<String> = [
        "bad", "terrible", "awful", "hate", "angry", "upset", "annoying", "annoyed", "worst", "useless", "stolen",
        "stole",
        "lost", "fraud", "fraudulent", "scam", "wrong", "problem", "broken", "frustrated", "frustrating", "ridiculous",
        "horrible", "disappointed", "slow", "stupid", "unacceptable", "worried", "complain", "complaint", "sad",
        "stuck",
    ]

    static func sentiment(of tokens: [Utterance.Token]) -> LanguageAnalysis.Sentiment {
        var score = 0
        var negationEnds = -1
        for (index, token) in tokens.enumerated() where token.kind == .word {
            if token.text == "not" || token.text == "never" || token.text == "no" { negationEnds = index + 3 }
            let sign = index <= negationEnds ? -1 : 1
            // `would like` is a wish, no mood.
            if token.text == "like", index > 0, ["would", "look", "looks"].contains(tokens[index - 1].text) {
                continue
            }
            if positive.contains(token.text) { score += sign }
            if negative.contains(token.text) { score -= sign }
        }
        return score > 0 ? .positive : score < 0 ? .negative : .neutral
    }
}
