import Testing

@testable import chat_server

@Suite struct MetricsTests {
    private func text(_ registry: MetricsRegistry) -> String { String(decoding: registry.exposition(), as: UTF8.self) }

    @Test func countersAndGauges() {
        let registry = MetricsRegistry()
        registry.counter("plain_total", "No labels.").member().increment(by: 3)
        let labelled = registry.counter("labelled_total", "Two\nlines and a \\.", labels: ["a", "b"])
        labelled.member("x", "quote \" backslash \\ line\n").increment()
        let gauge = registry.gauge("level", "Up and down.").member()
        gauge.set(5)
        gauge.add(-7)
        registry.gauge("read_bytes", "Read when asked.") { 1.5 }
        registry.gauge("kept_total", "Kept elsewhere.", isCounter: true) { .infinity }
        #expect(
            text(registry) == #"""
                # HELP plain_total No labels.
                # TYPE plain_total counter
                plain_total 3
                # HELP labelled_total Two\nlines and a \\.
                # TYPE labelled_total counter
                labelled_total{a="x",b="quote \" backslash \\ line\n"} 1
                # HELP level Up and down.
                # TYPE level gauge
                level -2
                # HELP read_bytes Read when asked.
                # TYPE read_bytes gauge
                read_bytes 1.5
                # HELP kept_total Kept elsewhere.
                # TYPE kept_total counter
                kept_total +Inf

                """#)
    }

    @Test func histogramsAreCumulativeAndInSeconds() {
        let registry = MetricsRegistry()
        let histogram = registry.histogram("d_seconds", "Times.", labels: ["r"], bounds: [1000, 500_000]).member("/x")
        for value: UInt64 in [0, 1000, 1001, 500_000, 500_001] { histogram.observe(value) }
        #expect(
            text(registry) == """
                # HELP d_seconds Times.
                # TYPE d_seconds histogram
                d_seconds_bucket{r="/x",le="0.001"} 2
                d_seconds_bucket{r="/x",le="0.5"} 4
                d_seconds_bucket{r="/x",le="+Inf"} 5
                d_seconds_sum{r="/x"} 1.002002
                d_seconds_count{r="/x"} 5

                """)
    }

    @Test func observationsFallIntoTheRightBucket() {
        let histogram = Histogram(unit: .count, bounds: Histogram.countBounds)
        for value: UInt64 in 0...2000 { histogram.observe(value) }
        let expected = Histogram.countBounds.map { $0 + 1 } + [2001]
        #expect(histogram.reading.cumulative == expected)
        #expect(histogram.reading.sum == 2_001_000)
    }

    @Test func manyThreadsLoseNothing() {
        let registry = MetricsRegistry()
        let counter = registry.counter("c_total", "C.").member()
        let histogram = registry.histogram("h", "H.", unit: .count, bounds: [10, 100]).member()
        let family = registry.counter("f_total", "F.", labels: ["t"])
        Threads.concurrently(8) { thread in
            for value: UInt64 in 0..<10_000 {
                counter.increment()
                histogram.observe(value % 200)
                if value % 100 == 0 { family.member("\(thread % 2)").increment() }
            }
        }
        #expect(counter.value == 80_000)
        #expect(histogram.reading.cumulative == [4400, 40_400, 80_000])
        #expect(family.member("0").value == 400)
        #expect(family.member("1").value == 400)
    }

    @Test func labelsCannotGrowWithoutBound() {
        let registry = MetricsRegistry()
        let family = registry.counter("f_total", "F.", labels: ["path"])
        for index in 0..<1000 { family.member("/\(index)").increment() }
        let lines = text(registry).split(separator: "\n").filter { $0.hasPrefix("f_total{") }
        #expect(lines.count == MetricsRegistry.maximumMembers)
        #expect(lines.contains("f_total{path=\"other\"} 745"))
    }

    @Test func requestsByClassOfStatus() {
        let registry = MetricsRegistry()
        let route = RequestMetrics(registry: registry).route(surface: "orion", pattern: "/api/sessions/:sessionId")
        for status in [200, 204, 404, 429, 500, 999, 0] { route.record(status: status, durationMicroseconds: 150) }
        let lines = text(registry)
        for (name, count) in [("1xx", 1), ("2xx", 2), ("3xx", 0), ("4xx", 2), ("5xx", 2)] {
            #expect(
                lines.contains(
                    "chat_http_requests_total{surface=\"orion\",route=\"/api/sessions/:sessionId\",status=\"\(name)\"} \(count)\n"
                ))
        }
        #expect(lines.contains("le=\"0.00025\"} 7\n"))
        #expect(lines.contains("le=\"0.0001\"} 0\n"))
    }

    @Test func registeringANameTwiceIsAProgrammersError() async {
        await #expect(processExitsWith: .failure) {
            let registry = MetricsRegistry()
            _ = registry.counter("c_total", "C.")
            _ = registry.counter("c_total", "C.")
        }
        await #expect(processExitsWith: .failure) { _ = MetricsRegistry().counter("9c", "C.") }
    }
}
