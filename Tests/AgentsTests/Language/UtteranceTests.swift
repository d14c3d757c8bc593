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
    private static let tuned = LabelledUtterance.table(tunedUtterances)
    private static let heldOut = LabelledUtterance.table(heldOutUtterances)

    @Test func theTablesAreWhole() {
        #expect(Self.tuned.count == 252)
        #expect(Self.heldOut.count == 50)
        let names = Set(Intent.allCases.map(\.rawValue))
        for line in Self.tuned + Self.heldOut { #expect(names.contains(line.intent), "\(line.intent)") }
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
}
