/// Something that a surface wants in the server's log: a constant text with fields. What users write never goes in.
package struct ServiceEvent: Sendable {
    package enum Level: Sendable {
        case debug, info, warning, error
    }
    package enum Value: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
        ExpressibleByStringInterpolation
    {
        case string(String)
        case integer(Int)
        package init(stringLiteral value: String) { self = .string(value) }
        package init(integerLiteral value: Int) { self = .integer(value) }
    }
    package typealias Field = (name: String, value: Value)

    package var level: Level
    package var message: String
    package var fields: [Field]

    package init(_ level: Level, _ message: String, _ fields: [Field] = []) {
        self.level = level
        self.message = message
        self.fields = fields
    }
}
