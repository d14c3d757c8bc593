/// The order in which a document's members come back after PostgreSQL's `jsonb` and JavaScript's `JSON.parse` have both
/// had it: integer-like keys first, ascending (JavaScript), then by length in bytes, then bytewise (`jsonb`).
package enum JSONBOrder {
    /// The document with every object's members in that order, at all depths, in compact text.
    package static func canonical(_ value: JSONValue) -> [UInt8] { ordered(value).serialized }

    package static func ordered(_ value: JSONValue) -> JSONValue {
        switch value {
        case .null, .bool, .number, .string:
            return value
        case .array(let elements):
            return .array(elements.map(ordered))
        case .object(let object):
            let places = (0..<object.count).map { Place(key: object.keys[$0], index: $0) }.sorted()
            var result = JSONObject()
            for place in places { result[place.key] = ordered(object.values[place.index]) }
            return .object(result)
        }
    }

    private struct Place: Comparable {
        let key: String
        let index: Int
        /// The key's value if JavaScript treats it as an array index: "0", "1" … "4294967294".
        let arrayIndex: UInt32?

        init(key: String, index: Int) {
            self.key = key
            self.index = index
            let number = UInt32(key)
            arrayIndex = number != nil && number != .max && number.map(String.init) == key ? number : nil
        }

        static func < (a: Place, b: Place) -> Bool {
            switch (a.arrayIndex, b.arrayIndex) {
            case (let x?, let y?): return x < y
            case (_?, nil): return true
            case (nil, _?): return false
            case (nil, nil): break
            }
            let (x, y) = (a.key.utf8, b.key.utf8)
            return x.count != y.count ? x.count < y.count : x.lexicographicallyPrecedes(y)
        }

        static func == (a: Place, b: Place) -> Bool { a.key.utf8.elementsEqual(b.key.utf8) }
    }
}
