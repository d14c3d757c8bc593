internal import Glibc
package import LogStore
internal import TestSupport

/// Times of one kind of operation.
package struct Samples: Sendable {
    package private(set) var nanoseconds: [UInt64] = []

    package init() {}

    package mutating func add(_ value: UInt64) { nanoseconds.append(value) }
    package mutating func add(_ other: Samples) { nanoseconds += other.nanoseconds }

    package mutating func time<R>(_ body: () throws -> R) rethrows -> R {
        let start = monotonic()
        defer { nanoseconds.append(monotonic() - start) }
        return try body()
    }

    /// In microseconds; 0 without samples.
    package func percentile(_ share: Double) -> Double {
        let sorted = nanoseconds.sorted()
        guard !sorted.isEmpty else { return 0 }
        return Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]) / 1000
    }

    /// In microseconds; 0 without samples.
    package var mean: Double {
        nanoseconds.isEmpty ? 0 : Double(nanoseconds.reduce(0, +)) / Double(nanoseconds.count) / 1000
    }

    package var summary: String {
        "p50 \(number(percentile(0.5))) us, p99 \(number(percentile(0.99))) us, max \(number(percentile(1))) us "
            + "(\(nanoseconds.count))"
    }
}

/// One figure a round: the median and what it lies between.
package struct Rounds {
    package private(set) var values: [Double] = []

    package init() {}

    package mutating func add(_ value: Double) { values.append(value) }

    package var median: Double { values.sorted()[values.count / 2] }
    package var summary: String {
        "\(number(median)) (\(number(values.min() ?? 0)) to \(number(values.max() ?? 0)), \(values.count) rounds)"
    }
}

package func monotonic() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Three significant digits, or all of a whole number.
package func number(_ value: Double) -> String {
    if value >= 100 || value == value.rounded() { return String(Int(value.rounded())) }
    let scale: Double = value >= 10 ? 10 : value >= 1 ? 100 : 1000
    return String((value * scale).rounded() / scale)
}

/// Bytes that this process has caused to be written to storage, as the kernel counts them.
package func bytesWritten() -> UInt64 { processField("/proc/self/io", "write_bytes:") }

/// Resident memory now and at its largest, in MiB.
package func residentMiB() -> (now: UInt64, most: UInt64) {
    (processField("/proc/self/status", "VmRSS:") / 1024, processField("/proc/self/status", "VmHWM:") / 1024)
}

private func processField(_ path: String, _ name: String) -> UInt64 {
    guard let file = fopen(path, "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, 256, file) != nil {
        let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split { $0 == " " || $0 == "\t" || $0 == "\n" }
        if words.count > 1, words[0] == name { return UInt64(words[1]) ?? 0 }
    }
    return 0
}

/// FNV-1a over what reads returned: a benchmark that reads nothing cannot print the right one.
package struct Witness {
    package private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    package mutating func see(_ entries: [Entry]) {
        for entry in entries {
            hash = (hash ^ UInt64(entry.sequence)) &* 0x100_0000_01B3
            for byte in entry.payload { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
    }

    package mutating func see(_ payloads: [[UInt8]]) {
        for payload in payloads {
            for byte in payload { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
    }

    package mutating func see(_ sessions: [SessionInfo]) {
        for session in sessions { hash = (hash ^ session.key.session) &* 0x100_0000_01B3 }
    }

    package var text: String { String(hash, radix: 16) }
}

/// Messages as a chat client sends them: JSON of `bytes` bytes whose text compresses as words do.
package struct Messages {
    private var random: SplitMix64
    private static let words = """
        the of and to in is you that it he was for on are as with his they at be this have from or one had by word but
        not what all were we when your can said there use an each which she do how their if will up other about out many
        then them these so some her would make like him into time has look two more write go see number no way could
        people my than first water been call who oil its now find long down day did get come made may part
        """.split { $0 == " " || $0 == "\n" }.map(String.init)

    package init(seed: UInt64) { random = SplitMix64(seed: seed) }

    package mutating func next(bytes: Int = 500) -> [UInt8] {
        var text = "{\"id\":\"msg_\(String(random.next(), radix: 16))\",\"role\":\"user\",\"content\":\""
        while text.utf8.count < bytes - 2 { text += Self.words.randomElement(using: &random)! + " " }
        return Array(text.utf8.prefix(bytes - 2)) + Array("\"}".utf8)
    }
}

/// A closure on a POSIX thread of its own with a small stack, so that a thousand of them cost little.
package final class Writer {
    private var handle = pthread_t()

    package init(_ run: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(Box(run)).toOpaque()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, 256 << 10)
        let status = pthread_create(
            &handle, &attributes,
            { argument in
                Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, box)
        precondition(status == 0, "pthread_create: \(status)")
    }

    package func join() { pthread_join(handle, nil) }

    private final class Box: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
