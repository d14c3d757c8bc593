internal import ChatEngine
internal import HTTPTransport

/// A form's fields as Express' extended parser reads them: `a[b]=1` is a member of an object, `a[]=1`, `a[0]=1` and a
/// repeated name are elements of a list. All values are texts.
///
/// Steps, for each field in order: the name is cut at its brackets into a path; its value is put at the path's end, making
/// objects and lists on the way.
enum POCForm {
    /// Fields that are read; later ones are left out.
    private static let maximumFields = 1000
    /// Names in brackets that count; what follows them is one name more, as it is written.
    private static let maximumDepth = 5
    /// A number in brackets up to this one is an index.
    private static let maximumIndex = 20

    static func members(of body: [UInt8]) -> JSONObject {
        var members = JSONObject()
        for field in PercentEncoding.queryItems(body[...]).prefix(maximumFields) where !field.name.isEmpty {
            let path = path(of: field.name)
            members[path[0]] = put(.string(field.value), at: path.dropFirst(), of: members[path[0]])
        }
        return members
    }

    /// `a[b][]` is `a`, `b` and the empty name.
    private static func path(of name: String) -> [String] {
        guard let first = name.firstIndex(of: "["), first != name.startIndex else { return [name] }
        var path = [String(name[..<first])]
        var rest = name[first...]
        while rest.first == "[", let end = rest.firstIndex(of: "]") {
            guard path.count <= maximumDepth else { return path + [String(rest)] }
            path.append(String(rest[rest.index(after: rest.startIndex)..<end]))
            rest = rest[rest.index(after: end)...]
        }
        return path
    }

    private static func put(_ value: JSONValue, at path: ArraySlice<String>, of old: JSONValue?) -> JSONValue {
        guard let name = path.first else {
            guard let old else { return value }
            return .array(elements(of: old) + [value])
        }
        let index = name.isEmpty ? Int.max : Int(name).flatMap { (0...maximumIndex).contains($0) ? $0 : nil }
        var object = JSONObject()
        switch old {
        case .object(let members)?: object = members
        case .some(let old):
            var list = elements(of: old)
            if let index {
                if index < list.count {
                    list[index] = put(value, at: path.dropFirst(), of: list[index])
                } else {
                    list.append(put(value, at: path.dropFirst(), of: nil))
                }
                return .array(list)
            }
            for (index, element) in list.enumerated() { object[String(index)] = element }
        case nil:
            if index != nil { return .array([put(value, at: path.dropFirst(), of: nil)]) }
        }
        object[name] = put(value, at: path.dropFirst(), of: object[name])
        return .object(object)
    }

    private static func elements(of value: JSONValue) -> [JSONValue] {
        if case .array(let elements) = value { elements } else { [value] }
    }
}
