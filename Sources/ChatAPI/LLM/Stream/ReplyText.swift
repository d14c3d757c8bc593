internal import ChatEngine

/// A reply's text so far and where its tokens end: flat, because there may be very many small ones.
struct ReplyText: Sendable {
    /// WTF-8.
    private(set) var bytes: [UInt8] = []
    private var ends: [UInt32] = []

    var count: Int { ends.count }

    mutating func append(_ token: some Collection<UInt8>) {
        bytes.append(contentsOf: token)
        ends.append(UInt32(bytes.count))
    }

    subscript(_ index: Int) -> ArraySlice<UInt8> {
        bytes[(index == 0 ? 0 : Int(ends[index - 1]))..<Int(ends[index])]
    }

    var tokenBytes: [Int] { (0..<count).map { self[$0].count } }

    /// UTF-16 units: what the original counted as its length.
    var units: Int { UTF8Text(valid: UTF8Validation.repairedSurrogates(bytes)).utf16Count }
}
