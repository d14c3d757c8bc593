import LogStore
import TestSupport

/// The random changes that every model is driven with: what a step does follows from the seed and from what the
/// dictionary model holds, so that most of it is permitted.
enum RandomLife {
    static func change(_ model: StoreModel, _ step: Int, _ random: inout SplitMix64) -> StoreModel.Change {
        let tenant = ["t", "u"].randomElement(using: &random)!
        let path = model.live.keys.sorted().randomElement(using: &random) ?? "t/none"
        let last = model.session(path)?.info.lastSequence ?? 0
        let sequence = SequenceNumber.random(in: 1...max(1, last), using: &random)
        var text = "step \(step) "
        text += String(repeating: "x", count: Int.random(in: 0..<600, using: &random))
        let document = "\(tenant)/d\(Int.random(in: 0..<9, using: &random))"
        var operations: [StoreModel.Operation] = []
        for _ in 0..<Int.random(in: 1...2, using: &random) {
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<2: return imported("\(tenant)/i\(step)", "user\(step % 3)", text, &random)
            case 2..<14:
                let user = "user\(Int.random(in: 0..<3, using: &random))"
                let tags = UInt32.random(in: 0..<4, using: &random)
                operations.append(
                    .create("\(tenant)/s\(step)-\(operations.count)", user: user, state: "s\(step)", tags: tags))
            case 14..<60: operations.append(.append(path, text))
            case 60..<68: operations.append(.update(path, state: text, tags: 1, touch: step % 2 == 0))
            case 68..<75: operations.append(.amend(path, sequence, text))
            case 75..<82: return .init(operations: [.deleteEntry(path, sequence)])
            case 82..<87: operations.append(.put(document, text))
            case 87..<91: operations.append(.attach(path, "n\(step % 4)", step % 3 == 0 ? "" : "p\(step % 3)", text))
            case 91..<93: operations.append(.remove(document))
            case 93: operations.append(.detach(path, "n\(step % 4)", ""))
            case 94..<96: operations.append(.position("consumer", model.lsn))
            case 96: return .init(operations: [.deleteSession(path)])
            case 97: return .init(operations: [.eraseSession(path)])
            case 98: return .init(operations: [.deleteUser(model.users.keys.sorted().first ?? "t/none")])
            default: return .init(operations: [.deleteTenant("u")])
            }
        }
        var change = StoreModel.Change(operations: operations)
        if step % 5 == 0 { change.durability = .buffered }
        if step % 7 == 0 {
            change.key = "key\(step % 21)"
            change.keySession = path
        }
        return change
    }

    /// A session as an import makes it: with times of its own, a gap where a message was deleted, and an edit.
    private static func imported(
        _ path: String, _ user: String, _ text: String, _ random: inout SplitMix64
    ) -> StoreModel.Change {
        let time = Int64.random(in: 1_000_000_000_000_000..<1_900_000_000_000_000, using: &random)
        return .init(operations: [
            .create(path, user: user, state: text, tags: 1), .append(path, text),
            .entryTimes(path, 1, createdAt: time + 1), .append(path, ""), .deleteEntry(path, 2),
            .append(path, ""), .entryTimes(path, 3, createdAt: time + 3), .amend(path, 3, text),
            .entryTimes(path, 3, amendedAt: time + 4), .sessionTimes(path, createdAt: time, updatedAt: time + 5),
        ])
    }
}
