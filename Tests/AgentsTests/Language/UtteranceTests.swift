import Testing

@testable import Agents

/// A line of a table of utterances: `intent: text | entity=value; entity=value,value`.
struct LabelledUtterance: Sendable, CustomTestStringConvertible {
    var intent: String
    var text: String
    var entities: [String: [String]]

    var testDescription: String { text }

    static func table(_ source: String) -> [LabelledUtterance] {
        source.split(separator: "\n").compactMap { line in
            guard let colon = line.firstRange(of: ": ") else { return nil }
            let parts = line[colon.upperBound...].split(separator: "|", maxSplits: 1)
            var entities: [String: [String]] = [:]
            for pair in parts.dropFirst().joined().split(separator: ";") {
                let sides = pair.split(separator: "=", maxSplits: 1)
                let name = String(sides[0].drop { $0 == " " })
                entities[name] = sides[1].split(separator: ",").map { value in
                    String(value.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
                }
            }
            return LabelledUtterance(
                intent: String(line[..<colon.lowerBound].drop { $0 == " " }),
                text: String(parts[0].reversed().drop { $0 == " " }.reversed()), entities: entities)
        }
    }
}

@Suite struct UtteranceTests {
    private static let tuned = LabelledUtterance.table(tunedUtterances + "\n" + laterUtterances)
    private static let heldOut = LabelledUtterance.table(heldOutUtterances)
    private static let final = LabelledUtterance.table(finalUtterances)

    @Test func theTablesAreWhole() {
        #expect(Self.tuned.count == 302)
        #expect(Self.heldOut.count == 50)
        #expect(Self.final.count == 50)
        let names = Set(Intent.allCases.map(\.rawValue))
        for line in Self.tuned + Self.heldOut + Self.final { #expect(names.contains(line.intent), "\(line.intent)") }
    }

    @Test func everyTunedUtteranceIsUnderstood() {
        for line in Self.tuned {
            let found = IntentDetector.detect(LanguageAnalysis(line.text))
            #expect(found.intent.rawValue == line.intent, "\(line.text): \(found.intent.rawValue) \(found.confidence)")
            for (name, values) in line.entities {
                let got = found.entities.filter { $0.kind.rawValue == name }.map(\.value)
                #expect(got == values, "\(line.text): \(name) \(got)")
            }
        }
    }

    private struct Score {
        var right = 0
        var wrong = 0
        var wanted = 0
        var missedEntities = 0

        init(_ table: [LabelledUtterance]) {
            for line in table {
                let detection = IntentDetector.detect(LanguageAnalysis(line.text))
                if line.intent != Intent.unknown.rawValue { wanted += 1 }
                if detection.intent != .unknown {
                    if detection.intent.rawValue == line.intent { right += 1 } else { wrong += 1 }
                }
                for (name, values) in line.entities {
                    let found = detection.entities.filter { $0.kind.rawValue == name }.map(\.value)
                    if found != values { missedEntities += 1 }
                }
            }
        }

        /// Of what was understood.
        var precision: Double { Double(right) / Double(right + wrong) }
        /// Of what wants something.
        var recall: Double { Double(right) / Double(wanted) }
    }

    /// The fifty that were written before the rules: 43 of the 46 that want something are understood, one is taken for
    /// something else. No rule was changed for them, but their author wrote the lexicon and remembered them.
    @Test func heldOutUtterancesAreJudged() {
        let score = Score(Self.heldOut)
        #expect(score.precision >= 0.97, "\(score)")
        #expect(score.recall >= 0.93, "\(score)")
        #expect(score.missedEntities == 0)
    }

    /// The fifty that were written after the rules: 41 of the 48 are understood, two are taken for something else.
    @Test func finalUtterancesAreJudged() {
        let score = Score(Self.final)
        #expect(score.precision >= 0.95, "\(score)")
        #expect(score.recall >= 0.85, "\(score)")
        #expect(score.missedEntities == 0)
    }
}
