import ChatEngine
import Glibc
import TestSupport
import Testing

@testable import chat_server

@Suite struct LatencyHistogramTests {
    @Test func smallValuesAreExactAndLargeOnesNearlySo() {
        var histogram = LatencyHistogram()
        for value in 1...1000 { histogram.record(UInt64(value) * 1000) }
        #expect(histogram.count == 1000)
        #expect(histogram.mean == 500_500)
        #expect(histogram.largest == 1_000_000)
        #expect(histogram.percentile(1) == 1_000_000)
        for share in [0.01, 0.5, 0.9, 0.99, 0.999] {
            let exact = 1_000_000 * share
            let found = Double(histogram.percentile(share))
            #expect(found >= exact && found <= exact * 1.016, "\(share): \(found)")
        }
        var small = LatencyHistogram()
        for value: UInt64 in [5, 6, 63] { small.record(value) }
        #expect(small.percentile(0) == 5)
        #expect(small.percentile(0.5) == 6)
        #expect(small.percentile(0.9) == 63)
    }

    @Test func everyValueHasABucketAndSumsAreSums() {
        var histogram = LatencyHistogram()
        #expect(histogram.percentile(0.5) == 0)
        for bit in 0..<64 { histogram.record(1 << UInt64(bit)) }
        histogram.record(.max)
        #expect(histogram.percentile(1) == .max)
        var sum = LatencyHistogram()
        sum.add(histogram)
        sum.add(histogram)
        #expect(sum.count == 130)
        #expect(sum.percentile(0.5) == histogram.percentile(0.5))
    }
}

@Suite struct BenchVerbTests {
    @Test func headsAreReadWhereverTheyEnd() throws {
        let text = "HTTP/1.1 201 Created\r\nServer: x\r\ncontent-LENGTH:  12\r\nX: y\r\n\r\n{\"a\":\"\r\n\r\n\"}"
        let bytes = Array(text.utf8)
        let end = try #require(ReplyHead.end(of: bytes))
        #expect(bytes.count - end == 12)
        #expect((0..<end).allSatisfy { ReplyHead.end(of: Array(bytes[..<$0])) == nil })
        let head = try #require(ReplyHead(bytes[..<end]))
        #expect(head.status == 201 && head.contentLength == 12)
        #expect(ReplyHead(Array("HTTP/1.1 200 OK\r\n\r\n".utf8)[...]) == nil)
        #expect(ReplyHead(Array("FTP\r\n".utf8)[...]) == nil)
    }

    @Test(arguments: [
        ["--connections", "0"], ["--connections", "many"], ["--seconds", "0"], ["--seconds", "nan"],
        ["--message-bytes", "1000001"], ["--set", "store.sync=never"], [],
    ])
    func whatCannotBeMeasuredIsRefused(arguments: [String]) throws {
        let directory = try TemporaryDirectory()
        let place = arguments.isEmpty ? [] : ["--data-dir", directory.path]
        let (ending, output, error) = try ServerBinary.run(["bench"] + place + arguments)
        #expect(ending == .exited(arguments.first == "--set" ? 3 : 2), "\(error)")
        #expect(output.isEmpty)
    }

    @Test func aShortRunMeasuresAndLeavesNothing() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let flags = [
                "--data-dir", directory.path, "--connections", "3", "--seconds", "0.3", "--message-bytes", "90",
            ]
            let (ending, output, error) = try ServerBinary.run(["bench", "--json"] + flags)
            #expect(ending == .exited(0), "\(error)")
            let report = try JSONValue(parsing: Array(output.utf8))
            func figure(_ value: JSONValue?, _ name: String) throws -> Double {
                try #require(value?[name]?.number, "\(name) in \(output)")
            }
            #expect(try figure(report, "connections") == 3)
            #expect(try figure(report, "messageBytes") == 90)
            let requests = try figure(report, "requests")
            #expect(requests > 0)
            #expect(try figure(report, "syncs") > 0)
            // A group answers at most every connection once.
            let group = try figure(report, "meanGroup")
            #expect(group >= 1 && group <= 3)
            #expect(try figure(report, "logBytes") >= requests * 90)
            let times = report["latencyMicroseconds"]
            #expect(try figure(times, "p50") > 0)
            #expect(try figure(times, "p50") <= figure(times, "p99"))
            #expect(try figure(times, "p99") <= figure(times, "max"))
            #expect(try figure(report["device"], "syncsPerSecond") > 0)
            #expect(try figure(report["device"], "sequentialBytesPerSecond") > 0)
            #expect(try FlatDirectory(directory.path).names() == [])
        }
    }

    @Test func anInterruptedRunLeavesNothing() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let flags = [
                "--data-dir", directory.path, "--connections", "2", "--seconds", "600", "--set", "log.level=info",
            ]
            let child = try ChildProcess([try ServerBinary.path(), "bench"] + flags)
            // The directory appears first; from then on there is something to remove.
            let files = FlatDirectory(directory.path)
            let deadline = ChildProcess.now + 30
            while try files.names().isEmpty, ChildProcess.now < deadline {}
            child.kill(SIGINT)
            #expect(try child.wait() == .exited(1))
            #expect(child.standardOutput.isEmpty)
            #expect(child.standardError.contains("SIGINT received"))
            #expect(try files.names() == [])
        }
    }

    @Test func aStoreIsNoPlaceForIt() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            #expect(try ServerBinary.run(["init", "--data-dir", directory.path]).ending == .exited(0))
            let files = FlatDirectory(directory.path)
            let before = try files.names()
            let (ending, _, error) = try ServerBinary.run(["bench", "--data-dir", directory.path, "--seconds", "1"])
            #expect(ending == .exited(2))
            #expect(error.contains("is a data directory"))
            #expect(try files.names() == before)
        }
    }
}
