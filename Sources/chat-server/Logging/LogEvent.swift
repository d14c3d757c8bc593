/// One event for the log. What users write (titles, messages, metadata) never goes in: logs are kept elsewhere, read by
/// others, and not erased with the user's data.
struct LogEvent: Sendable {
    var level: LogLevel
    /// A constant text; what varies goes into the fields.
    var message: String
    var requestID: String?
    var surface: String?
    var tenant: String?
    var user: String?
    var method: String?
    /// The route's pattern, not the path: paths hold ids.
    var route: String?
    var status: Int?
    var durationMicroseconds: Int64?
    var fields: [(name: String, value: LogValue)] = []

    init(_ level: LogLevel, _ message: String, fields: [(name: String, value: LogValue)] = []) {
        self.level = level
        self.message = message
        self.fields = fields
    }
}

enum LogValue: Sendable, Equatable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByFloatLiteral, ExpressibleByStringInterpolation
{
    case string(String)
    case integer(Int64)
    case double(Double)
    /// A number of thousandths, shown as a decimal fraction: 1500 is 1.5.
    case thousandths(Int64)
    case boolean(Bool)

    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int64) { self = .integer(value) }
    init(booleanLiteral value: Bool) { self = .boolean(value) }
    init(floatLiteral value: Double) { self = .double(value) }
}
