internal import Synchronization

/// Every metric of the process, and their text for Prometheus (exposition format 0.0.4).
///
/// A family is a name with a help text; its members differ by the values of the family's labels. Whoever records keeps
/// the member (`family.member(…)` takes a lock, `member.increment()` does not). The number of members of one family is
/// bounded: beyond `maximumMembers` all further values share one member whose labels are `other`, because labels that
/// a client can choose would otherwise grow without end.
final class MetricsRegistry: Sendable {
    static let maximumMembers = 256

    private let families = Mutex<[any MetricFamily]>([])

    func counter(_ name: String, _ help: String, labels: [String] = []) -> Family<Counter> {
        register(Family(name: name, help: help, labels: labels, kind: .counter) { Counter() })
    }

    func gauge(_ name: String, _ help: String, labels: [String] = []) -> Family<Gauge> {
        register(Family(name: name, help: help, labels: labels, kind: .gauge) { Gauge() })
    }

    func histogram(
        _ name: String, _ help: String, labels: [String] = [], unit: HistogramUnit = .seconds,
        bounds: [UInt64] = Histogram.latencyBounds
    ) -> Family<Histogram> {
        register(
            Family(name: name, help: help, labels: labels, kind: .histogram) { Histogram(unit: unit, bounds: bounds) })
    }

    /// A gauge, or a counter that somebody else keeps, that is read when the metrics are asked for.
    func gauge(_ name: String, _ help: String, isCounter: Bool = false, reading: @escaping @Sendable () -> Double) {
        _ = register(ReadFamily(name: name, help: help, kind: isCounter ? .counter : .gauge, read: reading))
    }

    /// A histogram that somebody else keeps, read when the metrics are asked for.
    func histogram(_ name: String, _ help: String, reading: @escaping @Sendable () -> Histogram.Reading) {
        _ = register(ReadHistogramFamily(name: name, help: help, read: reading))
    }

    /// All metrics, as `text/plain; version=0.0.4; charset=utf-8`.
    func exposition() -> [UInt8] {
        var text = ""
        for family in families.withLock({ $0 }) { family.append(to: &text) }
        return Array(text.utf8)
    }

    /// - Precondition: the name is new and well formed; both are the programmer's affair.
    func register<F: MetricFamily>(_ family: F) -> F {
        precondition(isMetricName(family.name), "\(family.name) is not a metric name")
        families.withLock { families in
            precondition(!families.contains { $0.name == family.name }, "\(family.name) is registered already")
            families.append(family)
        }
        return family
    }
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`; colons are for recording rules.
private func isMetricName(_ name: String) -> Bool {
    guard let first = name.utf8.first, first < 0x30 || first > 0x39 else { return false }
    return name.utf8.allSatisfy { byte in
        byte == UInt8(ascii: "_") || (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
    }
}

protocol MetricFamily: Sendable {
    var name: String { get }
    /// Appends HELP, TYPE and every sample.
    func append(to text: inout String)
}

enum MetricKind: String, Sendable { case counter, gauge, histogram }

/// One kind of instrument.
protocol Instrument: AnyObject, Sendable {
    func appendSamples(name: String, labels: [(String, String)], to text: inout String)
}

/// The members of one name, by their labels' values.
final class Family<Member: Instrument>: MetricFamily {
    let name: String
    private let help: String
    private let labels: [String]
    private let kind: MetricKind
    private let make: @Sendable () -> Member
    private let members = Mutex<[(values: [String], member: Member)]>([])

    init(name: String, help: String, labels: [String], kind: MetricKind, make: @escaping @Sendable () -> Member) {
        precondition(labels.allSatisfy { isMetricName($0) && $0 != "le" }, "\(name) has a label with a bad name")
        self.name = name
        self.help = help
        self.labels = labels
        self.kind = kind
        self.make = make
        if labels.isEmpty { _ = member() }
    }

    /// The member with these values, one for each label, made when it is new.
    /// - Complexity: O(members); to be kept by whoever records often.
    func member(_ values: String...) -> Member {
        precondition(values.count == labels.count, "\(name) has \(labels.count) labels")
        return members.withLock { members in
            if let known = members.first(where: { $0.values == values }) { return known.member }
            // One place is left for `other`.
            let isFull = members.count >= MetricsRegistry.maximumMembers - 1
            let values = isFull ? labels.map { _ in "other" } : values
            if let known = members.first(where: { $0.values == values }) { return known.member }
            let member = make()
            members.append((values, member))
            return member
        }
    }

    func append(to text: inout String) {
        appendHead(name: name, help: help, kind: kind, to: &text)
        for (values, member) in members.withLock({ $0 }) {
            member.appendSamples(name: name, labels: Array(zip(labels, values)), to: &text)
        }
    }
}

/// A single number that a closure knows.
private final class ReadFamily: MetricFamily {
    let name: String
    private let help: String
    private let kind: MetricKind
    private let read: @Sendable () -> Double

    init(name: String, help: String, kind: MetricKind, read: @escaping @Sendable () -> Double) {
        self.name = name
        self.help = help
        self.kind = kind
        self.read = read
    }

    func append(to text: inout String) {
        appendHead(name: name, help: help, kind: kind, to: &text)
        appendSample(name: name, labels: [], value: numberText(read()), to: &text)
    }
}

/// A histogram that a closure knows.
private final class ReadHistogramFamily: MetricFamily {
    let name: String
    private let help: String
    private let read: @Sendable () -> Histogram.Reading

    init(name: String, help: String, read: @escaping @Sendable () -> Histogram.Reading) {
        self.name = name
        self.help = help
        self.read = read
    }

    func append(to text: inout String) {
        appendHead(name: name, help: help, kind: .histogram, to: &text)
        read().appendSamples(name: name, labels: [], to: &text)
    }
}
