internal import Glibc

package struct BenchmarkFailure: Error, CustomStringConvertible {
    package var description: String
    package init(description: String) { self.description = description }
}

/// One measured figure for the harness: a line of stdout that begins with `@` and goes on as a JSON object. People get
/// sentences; who wants records sets BENCH_RECORDS.
package func record(_ name: String, _ fields: [(String, RecordValue)]) {
    guard getenv("BENCH_RECORDS") != nil else { return }
    let members = [("record", RecordValue.text(name))] + fields
    let text = members.map { "\"\($0.0)\":\($0.1.json)" }.joined(separator: ",")
    print("@{\(text)}")
    fflush(nil)
}

/// Texts are names of the benchmark's own: letters, digits, blanks, dots and dashes.
package enum RecordValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    case text(String)
    case number(Double)

    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int) { self = .number(Double(value)) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(_ value: some BinaryInteger) { self = .number(Double(value)) }

    var json: String {
        switch self {
        case .text(let value): "\"\(value)\""
        case .number(let value): value.isFinite ? "\(value)" : "null"
        }
    }
}
