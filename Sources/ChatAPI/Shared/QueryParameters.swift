internal import HTTPTransport

/// Query parameters as Express' extended parser gives them to a handler: a name that is repeated or carries brackets is no
/// longer a string.
struct QueryParameters {
    enum Value: Hashable {
        case absent
        case single(String)
        /// Repeated, or `name[]`: in order.
        case array([String])
        /// `name[key]`.
        case nested
    }

    private let items: [(name: String, value: String)]
    /// What the original's parser reads of one query.
    private static let maximumItems = 1000

    init(_ request: Request) {
        items = request.query.isEmpty ? [] : Array(request.queryItems.prefix(Self.maximumItems))
    }

    /// A form's fields.
    init(form body: [UInt8]) {
        items = Array(PercentEncoding.queryItems(body[...]).prefix(Self.maximumItems))
    }

    subscript(_ name: String) -> Value {
        var values: [String] = []
        var isArray = false
        for item in items where item.name.utf8.starts(with: name.utf8) {
            // Bytes, because a combining mark behind the name is another name.
            let rest = String(decoding: item.name.utf8.dropFirst(name.utf8.count), as: UTF8.self)
            switch rest {
            case "": values.append(item.value)
            case "[]":
                isArray = true
                values.append(item.value)
            default:
                guard rest.first == "[", rest.dropFirst().contains("]") else { continue }
                // A number in brackets is an index.
                guard rest.dropFirst().prefix(while: { $0 != "]" }).allSatisfy(\.isNumber) else { return .nested }
                isArray = true
                values.append(item.value)
            }
        }
        guard let first = values.first else { return .absent }
        return isArray || values.count > 1 ? .array(values) : .single(first)
    }
}
