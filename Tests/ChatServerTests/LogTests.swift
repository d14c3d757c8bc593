import Glibc
import Testing

@testable import chat_server

@Suite struct LogFormatterTests {
    private func line(_ event: LogEvent, _ formatter: LogFormatter = .json, milliseconds: Int64 = 0) -> String {
        var bytes: [UInt8] = []
        formatter.append(event, milliseconds: milliseconds, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func attributesComeInAFixedOrder() {
        var event = LogEvent(
            .info, "request", fields: [("bytes", 12), ("ratio", 0.5), ("cached", true), ("odd", .double(.nan))])
        event.requestID = "r1"
        event.surface = "orion"
        event.tenant = "orion"
        event.user = "u"
        event.method = "GET"
        event.route = "/health"
        event.status = 200
        event.durationMicroseconds = 1500
        #expect(
            line(event, milliseconds: 1_795_264_215_123)
                == #"{"timestamp":"2026-11-21T12:30:15.123Z","level":"info","message":"request","request_id":"r1","#
                + #""surface":"orion","tenant_id":"orion","user_id":"u","method":"GET","route":"/health","status":200,"#
                + #""duration_ms":1.5,"bytes":12,"ratio":0.5,"cached":true,"odd":null}"# + "\n")
    }

    @Test func jsonEscapes() {
        let text = "\"\\\n\r\t\u{0}\u{1F}\u{7F}/<é\u{2028}😀"
        #expect(line(LogEvent(.error, text)).contains(#""message":"\"\\\n\r\t\u0000\u001f\u007f/<é"# + "\u{2028}😀\""))
    }

    @Test(arguments: [LogFormatter.json, .human(colours: false)])
    func noInputMakesASecondLineOrAControlCharacter(formatter: LogFormatter) {
        let hostile = String(decoding: Array(0...0x7F) as [UInt8], as: UTF8.self)
        var event = LogEvent(.warning, hostile, fields: [(hostile, .string(hostile)), ("k", .string(""))])
        event.user = hostile
        event.requestID = "\u{1B}[2J"
        let bytes = Array(line(event, formatter).utf8)
        #expect(bytes.last == 0x0A)
        #expect(bytes.dropLast().allSatisfy { $0 >= 0x20 && $0 != 0x7F })
    }

    @Test func humanForm() {
        let event = LogEvent(
            .info, "listening", fields: [("address", "127.0.0.1:3002"), ("note", "two words"), ("n", 1)])
        #expect(
            line(event, .human(colours: false), milliseconds: 45_015_007)
                == "12:30:15.007 info    listening  address=127.0.0.1:3002 note=\"two words\" n=1\n")
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_709_251_199_999, "2024-02-29T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ])
    func timestamps(milliseconds: Int64, text: String) {
        var bytes: [UInt8] = []
        appendTimestamp(milliseconds, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == text)
    }
}

@Suite struct LoggerTests {
    /// What `body` writes to the descriptor that it is given.
    private func collect(_ body: @escaping @Sendable (Int32) -> Void) -> String {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let (reader, writer) = (ends[0], ends[1])
        let collected = Lines()
        Threads.concurrently(2) { thread in
            if thread == 0 {
                body(writer)
                close(writer)
                return
            }
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 4096)
            while case let count = read(reader, &chunk, chunk.count), count > 0 { bytes += chunk[..<count] }
            collected.append(String(decoding: bytes, as: UTF8.self), lineEnd: "")
        }
        close(reader)
        return collected.text
    }

    @Test func levelsBelowTheWantedOneAreSilent() {
        let text = collect { descriptor in
            let logger = Logger(level: .warning, formatter: .json, descriptor: descriptor, clock: { 0 })
            logger.debug("a")
            logger.info("b")
            logger.warning("c")
            logger.error("d", [("k", 1)])
            logger.close()
            logger.error("after the end")
        }
        #expect(
            text == #"{"timestamp":"1970-01-01T00:00:00.000Z","level":"warning","message":"c"}"# + "\n"
                + #"{"timestamp":"1970-01-01T00:00:00.000Z","level":"error","message":"d","k":1}"# + "\n")
    }

    @Test func linesOfManyThreadsStayWholeAndInTheirOrder() {
        let threads = 8
        let lines = 500
        let text = collect { descriptor in
            let logger = Logger(level: .info, formatter: .json, descriptor: descriptor, clock: { 0 })
            Threads.concurrently(threads) { thread in
                for index in 0..<lines {
                    logger.info("x", [("thread", .integer(Int64(thread))), ("index", .integer(Int64(index)))])
                }
            }
            logger.close()
        }
        var next = [Int](repeating: 0, count: threads)
        for line in text.split(separator: "\n") {
            guard line.hasPrefix("{\"timestamp\":"), line.hasSuffix("}"),
                let thread = number("thread", in: line), let index = number("index", in: line)
            else {
                Issue.record("not a whole line: \(line)")
                return
            }
            #expect(next[thread] == index)
            next[thread] += 1
        }
        #expect(next == [Int](repeating: lines, count: threads))
    }

    @Test func flushReturnsAfterTheLinesAreWritten() {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let logger = Logger(level: .info, formatter: .json, descriptor: ends[1], clock: { 0 })
        logger.info("one")
        logger.flush()
        var waiting = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
        #expect(poll(&waiting, 1, 0) == 1)
        logger.close()
        close(ends[0])
        close(ends[1])
    }

    @Test func whatDoesNotFitIsCounted() {
        let writerText = collect { descriptor in
            // Too small a buffer for any line: all are dropped, and the count is the only thing written.
            let logger = Logger(
                level: .info, formatter: .json, descriptor: descriptor, maximumBufferedBytes: 10, clock: { 0 })
            for _ in 0..<7 { logger.info("too long for ten bytes") }
            logger.close()
        }
        #expect(
            writerText
                == #"{"timestamp":"1970-01-01T00:00:00.000Z","level":"warning","message":"log lines dropped","lines":7}"#
                + "\n")
    }

    private func number(_ name: String, in line: Substring) -> Int? {
        guard let range = String(line).firstRange(of: "\"\(name)\":") else { return nil }
        return Int(String(line)[range.upperBound...].prefix { $0.isNumber })
    }
}
