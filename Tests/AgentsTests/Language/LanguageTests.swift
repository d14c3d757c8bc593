import ChatEngine
import Testing

@testable import Agents

@Suite struct LanguageTests {
    @Test(arguments: [
        ("I’d  LIKE\tto…", ["i", "would", "like", "to"]),
        ("don't can't won't", ["do", "not", "can", "not", "will", "not"]),
        ("pls un-block my acct", ["please", "unblock", "my", "account"]), ("$1,250.50!", ["1250.50"]),
        ("1,2", ["1", "2"]), ("Ünïcode straße", ["ünïcode", "straße"]), ("", []), (".5", ["0.5"]),
    ])
    func tokens(text: String, words: [String]) {
        #expect(LanguageAnalysis(text).tokens == words)
    }

    @Test(arguments: [
        ("two hundred and fifty", 250), ("a hundred", 100), ("twenty-five", 25), ("three grand", 3000),
        ("one thousand two hundred and fifty", 1250), ("two million", 2_000_000), ("nineteen", 19),
    ])
    func numberWords(text: String, value: Int64) {
        let tokens = Utterance(text).tokens
        let found = NumberWords.number(in: tokens, at: 0)
        #expect(found?.value == value && found?.end == tokens.count)
    }

    @Test func numbersThatAreNotOne() {
        let tokens = Utterance("one two and three").tokens
        #expect(NumberWords.number(in: tokens, at: 0)?.value == 1)
        #expect(NumberWords.number(in: tokens, at: 1)?.end == 2)
    }

    @Test(arguments: [
        ("I paid $20 and 15 euros", #"{"money":["$20.00","€15.00"]}"#),
        ("50 cents", #"{"money":["$0.50"]}"#), ("2.5k dollars", #"{"money":["$2,500.00"]}"#),
        ("USD 40", #"{"money":["$40.00"]}"#), ("refund of -$5", #"{"money":["-$5.00"]}"#),
        ("the last 5", #"{"numbers":["5"]}"#), ("account 12345678", #"{"accountNumbers":["12345678"]}"#),
        ("my account number is 4421", #"{"accountNumbers":["4421"]}"#),
        ("on January 5th, 2026", #"{"dates":["2026-01-05"]}"#), ("5 of march", #"{"dates":["march 5"]}"#),
        ("due 1/31/2026", #"{"dates":["2026-01-31"]}"#),
        ("2026-02-01 or tomorrow", #"{"dates":["2026-02-01","tomorrow"]}"#),
        ("hello", "{}"), ("99999999999999999999 dollars", #"{"numbers":["99999999999999999999"]}"#),
    ])
    func entities(text: String, json: String) {
        let entities = LanguageAnalysis(text).entities
        #expect(String(decoding: JSONValue.object(entities).serialized, as: UTF8.self) == json)
    }

    @Test(arguments: [
        ("this is great, thanks", "positive"), ("this is not good", "negative"), ("my card was stolen", "negative"),
        ("what's my balance", "neutral"), ("I would like my balance", "neutral"), ("no problem", "positive"),
    ])
    func sentiment(text: String, mood: String) {
        #expect(LanguageAnalysis(text).sentiment.rawValue == mood)
    }

    @Test func confidences() {
        #expect(IntentDetector.detect(LanguageAnalysis("what is my balance")).confidence == 0.95)
        // One typing error costs something, but less than the understanding.
        let typo = IntentDetector.detect(LanguageAnalysis("show me my balnce please"))
        #expect(typo.intent == .balanceCheck && typo.confidence == 0.81)
        for intent in Intent.allCases where intent != .unknown { #expect(intent.confidence >= Intent.threshold) }
    }

    /// Whatever comes in, it is read to its end and gives something.
    @Test func anything() {
        for text in [
            String(repeating: "$", count: 5000), String(repeating: "a ", count: 5000), "\u{0}\u{1}\u{FFFD}", "'''",
            "''s",
            "-", "1.", "1..2", "$,", "k", "1k k", "un-", "un- ", "🏦💳", String(repeating: "9", count: 3000),
            "of of of %",
            String(repeating: "hundred ", count: 1000), String(repeating: "nine million ", count: 900),
        ] {
            let analysis = LanguageAnalysis(text)
            _ = analysis.entities
            #expect(IntentDetector.detect(analysis).confidence <= 1)
            _ = try? Calculator.answer(text)
        }
    }
}
