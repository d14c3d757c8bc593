package import ChatEngine

/// What the built-in nlu makes of a message.
package struct IntentDetection: Sendable {
    package var intent: Intent
    package var confidence: Double
    package var entities: [Entity]

    /// `[{"entity":"amount","value":"200.00"}]`.
    package var entityList: [JSONValue] {
        entities.map {
            .object(["entity": .string($0.kind.rawValue), "value": .string($0.value), "source": .string("builtin")])
        }
    }
}

/// Finds the intent of a message, by rules.
///
/// Steps: the message is cut into clauses; a clause that forbids an action (`don't transfer anything`) counts no more if
/// another is left. The lexicon turns words and phrases into concepts, the longest phrase first; a word that it does not
/// know, neither as it is nor by its stem, may be a keyword with one typing error, at a price. An arithmetic expression
/// is the calculator's. Then the first rule that fits decides; without one, small talk does.
package enum IntentDetector {
    /// What a typing error in a keyword costs.
    static let typoFactor = 0.85

    package static func detect(_ analysis: LanguageAnalysis) -> IntentDetection {
        let tokens = analysis.utterance.tokens
        var entities = NamedEntities.find(in: analysis)
        var (intent, confidence) = intent(of: tokens, analysis)
        if confidence < Intent.threshold { (intent, confidence) = (.unknown, confidence) }
        if [.transferMoney, .billPayment].contains(intent), !entities.contains(where: { $0.kind == .amount }) {
            promoteNumber(&entities)
        }
        return IntentDetection(intent: intent, confidence: confidence, entities: entities)
    }

    /// Where money is moved, a number without a unit is an amount.
    private static func promoteNumber(_ entities: inout [Entity]) {
        guard let index = entities.firstIndex(where: { $0.kind == .number }),
            let cents = Money.cents(of: entities[index].value)
        else { return }
        entities[index] = Entity(kind: .amount, value: Money(cents: cents).decimal)
    }

    private static func intent(of tokens: [Utterance.Token], _ analysis: LanguageAnalysis) -> (Intent, Double) {
        guard !tokens.isEmpty else { return (.unknown, 0) }
        let clauses = Clause.split(tokens)
        let wanted = clauses.filter { !$0.isForbidden }
        let left = wanted.isEmpty ? [] : wanted.flatMap(\.tokens)
        let reading = read(left)
        var concepts = reading.found
        if !analysis.amounts.isEmpty { concepts.insert(.amount) }
        if !analysis.accountNumbers.isEmpty { concepts.insert(.accountNumber) }
        if NamedEntities.timePeriod(analysis.utterance.tokens) != nil { concepts.insert(.period) }
        let contentWords = left.count { $0.kind != .sign && !fillers.contains($0.text) }
        if contentWords <= 2, reading.strangers == 0 { concepts.insert(.short) }
        if Calculator.isQuestion(tokens) { return (.calculate, Intent.calculate.confidence) }
        if concepts.isDisjoint(with: .other) || !concepts.isDisjoint(with: [.ownAccount, .loan]) {
            var words = concepts
            // Bare numbers are amounts as far as moving money goes.
            if !analysis.numbers.isEmpty, !concepts.isDisjoint(with: [.transfer, .move, .pay]) {
                words.insert(.amount)
            }
            if let rule = IntentRule.all.first(where: { $0.fits(words) }) {
                let confidence = rule.intent.confidence * rule.strength * (reading.hasTypo ? typoFactor : 1)
                return (rule.intent, (confidence * 100).rounded() / 100)
            }
        }
        if clauses.contains(where: \.isForbidden), wanted.allSatisfy({ read($0.tokens).found.isEmpty }) {
            return (.negation, Intent.negation.confidence)
        }
        let talk = SmallTalk.intent(of: tokens)
        return (talk, talk.confidence)
    }

    /// Words that say nothing about what is wanted.
    static let fillers: Set<String> = [
        "please", "can", "you", "i", "to", "a", "an", "the", "my", "me", "want", "would", "like", "need", "do", "could",
        "just", "hey", "hi", "hello", "now", "and", "us", "we", "make", "will", "it", "for", "of", "how", "here",
        "okay",
        "some", "is", "let", "recent", "latest", "last",
    ]

    /// What the lexicon says about some tokens.
    struct Reading {
        var found: Concepts = []
        /// A typing error was put right.
        var hasTypo = false
        /// Words that are neither in a phrase nor fillers.
        var strangers = 0
    }

    static func read(_ tokens: [Utterance.Token]) -> Reading {
        let words = tokens.compactMap { $0.kind == .word ? $0.text : nil }
        let stems = words.map { Lexicon.stem($0) }
        var reading = Reading()
        var index = 0
        while index < words.count {
            var length = min(Lexicon.phraseWords, words.count - index)
            while length > 0 {
                if let concepts = phrase(words[index..<index + length], stems[index..<index + length]) {
                    reading.found.formUnion(concepts)
                    break
                }
                length -= 1
            }
            if length == 0 {
                if let keyword = Lexicon.corrected.first(where: { Stemmer.isTypo(words[index], of: $0) }),
                    let stem = Lexicon.stem(keyword)
                {
                    reading.found.formUnion(Lexicon.entries[stem] ?? [])
                    reading.hasTypo = true
                } else if !fillers.contains(words[index]) {
                    reading.strangers += 1
                }
            }
            index += max(length, 1)
        }
        return reading
    }

    /// The concepts of a phrase, as it is written or with the stems of its words.
    private static func phrase(_ words: ArraySlice<String>, _ stems: ArraySlice<String?>) -> Concepts? {
        if words.count == 1, let word = words.first {
            if let concepts = Lexicon.entries[word] { return concepts }
            return stems.first.flatMap { $0 }.flatMap { Lexicon.entries[$0] }
        }
        if let concepts = Lexicon.entries[words.joined(separator: " ")] { return concepts }
        guard zip(words, stems).contains(where: { $1 != nil && $1 != $0 }) else { return nil }
        return Lexicon.entries[zip(words, stems).map { $1 ?? $0 }.joined(separator: " ")]
    }
}

/// A part of a message between commas, points and turning words.
private struct Clause {
    var tokens: [Utterance.Token]
    /// Says what is not to be done.
    var isForbidden: Bool

    private static let breaks: Set<String> = [",", ";", ".", "!", "?", "but", "just", "instead", "only", "rather"]
    private static let actions: Concepts = [.transfer, .move, .block, .unblock, .pay, .borrow]

    static func split(_ tokens: [Utterance.Token]) -> [Clause] {
        tokens.split { breaks.contains($0.text) }.map { part in
            let part = Array(part)
            return Clause(tokens: part, isForbidden: isForbidden(part))
        }
    }

    /// `do not` or `never`, and one of the next words is something that could be done.
    private static func isForbidden(_ tokens: [Utterance.Token]) -> Bool {
        guard let place = tokens.firstIndex(where: { $0.text == "not" || $0.text == "never" }),
            place > 0 || tokens.count > 1
        else { return false }
        let isOrder = tokens[place].text == "never" || (place > 0 && tokens[place - 1].text == "do")
        guard isOrder else { return false }
        let next = Array(tokens[(place + 1)...].prefix(4))
        return !IntentDetector.read(next).found.isDisjoint(with: actions)
    }
}

/// Greetings, thanks and the like: what a message is when it wants nothing of the bank.
private enum SmallTalk {
    private static let order: [(Concepts, Intent)] = [
        (.farewell, .farewell), (.no, .negation), (.yes, .affirmation), (.thanks, .thanks), (.greeting, .greeting),
        (.help, .help),
    ]

    /// How many words may be in it that belong to none of the phrases.
    private static let maximumStrangers = 3

    static func intent(of tokens: [Utterance.Token]) -> Intent {
        let words = tokens.compactMap { $0.kind == .word ? $0.text : nil }
        guard !words.isEmpty else { return .unknown }
        let reading = IntentDetector.read(tokens)
        let found = reading.found
        guard reading.strangers <= maximumStrangers else { return .unknown }
        for (concept, intent) in order where !found.isDisjoint(with: concept) {
            switch intent {
            // Thanks for help is no cry for it; a long sentence with a `no` in it is no answer.
            case .negation, .affirmation:
                guard words.count <= 6, found.isDisjoint(with: [.farewell, .card, .account, .help]) else { continue }
                if intent == .affirmation, !found.isDisjoint(with: .thanks) { continue }
                if intent == .affirmation, reading.strangers > 1 { continue }
            default: break
            }
            return intent
        }
        return .unknown
    }
}
