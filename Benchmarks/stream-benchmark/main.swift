// How punctual many streamed replies are, and what one costs.
//
//   stream-benchmark [--streams N] [--rate TOKENS] [--seconds S] [--resume]
//
// The llm surface over a store on a real disk serves N clients, which one thread of this process reads. Every token says
// when it was due, so its lateness is known when it arrives. --resume commits each token before it is sent.

import CMicroHTTPD
import ChatAPI
import ChatEngine
import Glibc
import HTTPTransport
import LogStore
import TestSupport

struct Options {
    var streams = 500
    var rate = 30
    var seconds = 20
    var isResumable = false

    init(_ arguments: ArraySlice<String>) {
        var arguments = arguments
        while let argument = arguments.popFirst() {
            let number = arguments.first.flatMap { Int($0) }
            switch argument {
            case "--streams": streams = number ?? streams
            case "--rate": rate = number ?? rate
            case "--seconds": seconds = number ?? seconds
            case "--resume": isResumable = true
            default: continue
            }
        }
    }
}

/// Streams tokens at a fixed rate; each is the microsecond at which it is due.
struct PacedResponder: Responder {
    let context: ContextBudget? = nil
    let isDeterministic = false
    let timers: TimerThread
    let clock = LiveClock()
    let period: UInt64
    let count: Int

    private struct Call: ReplyCall {
        func cancel() {}
    }

    func stream(_ prompt: Prompt, skipping skipped: Int, to sink: any ReplySink) -> any ReplyCall {
        // Spread over a period, as clients that come by chance would be.
        let start = clock.monotonicMicroseconds() + UInt64.random(in: 0..<period)
        step(skipped, start, sink)
        return Call()
    }

    private func step(_ index: Int, _ start: UInt64, _ sink: any ReplySink) {
        guard index < count else { return sink.finish(.success(nil)) }
        let due = start + UInt64(index) * period
        let now = clock.monotonicMicroseconds()
        timers.schedule(afterMicroseconds: due > now ? due - now : 0) {
            sink.receive(Array("\(due) ".utf8))
            step(index + 1, start, sink)
        }
    }

    func reply(to prompt: Prompt, sink: any ReplySink) -> any ReplyCall { stream(prompt, skipping: 0, to: sink) }
}

/// Resident bytes of this process.
func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, 256, file) != nil else { return 0 }
    let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
}

/// Reads all streams to their ends on one thread.
struct Readers {
    let sockets: [LoopbackSocket]
    var lateness: [UInt32] = []
    var ended = 0
    var peakBytes = 0

    init(sockets: [LoopbackSocket]) { self.sockets = sockets }

    mutating func run(_ clock: LiveClock) {
        let epoll = epoll_create1(0)
        defer { close(epoll) }
        for (index, socket) in sockets.enumerated() {
            var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: UInt64(index)))
            epoll_ctl(epoll, EPOLL_CTL_ADD, socket.descriptor, &event)
        }
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        var reads = 0
        while ended < sockets.count {
            let count = epoll_wait(epoll, &events, 256, 10_000)
            guard count > 0 else { return }
            for event in events[..<Int(count)] {
                let descriptor = sockets[Int(event.data.u64)].descriptor
                let size = recv(descriptor, &buffer, buffer.count, 0)
                let now = clock.monotonicMicroseconds()
                guard size > 0 else {
                    ended += 1
                    epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil)
                    continue
                }
                take(buffer[..<size], now)
                // The end of the body: the server keeps the connection.
                if buffer[..<size].suffix(5).elementsEqual("0\r\n\r\n".utf8) {
                    ended += 1
                    epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil)
                }
                reads += 1
                if reads % 10_000 == 0 { peakBytes = max(peakBytes, residentBytes()) }
            }
        }
    }

    /// Notes the lateness of each token in what one read brought.
    private mutating func take(_ bytes: ArraySlice<UInt8>, _ now: UInt64) {
        let mark = Array("{\"token\":\"".utf8)
        var index = bytes.startIndex
        while index + mark.count < bytes.endIndex {
            guard bytes[index] == mark[0], bytes[index..<(index + mark.count)].elementsEqual(mark) else {
                index += 1
                continue
            }
            index += mark.count
            var due: UInt64 = 0
            while index < bytes.endIndex, bytes[index] >= 0x30, bytes[index] <= 0x39 {
                due = due * 10 + UInt64(bytes[index] - 0x30)
                index += 1
            }
            if due > 0, index < bytes.endIndex { lateness.append(UInt32(clamping: now > due ? now - due : 0)) }
        }
    }
}

let options = Options(CommandLine.arguments.dropFirst())
let directory = TemporaryDirectory()
let clock = LiveClock()
let store = try LogStore.open(
    disk: try LiveDisk(path: directory.path, createIfMissing: true), clock: clock, random: SystemRandom())
let engine = ChatEngine(store: store, clock: clock, random: SystemRandom())
let organisation = try engine.addOrganisation(name: "Load")
let account = try engine.addAccount(to: organisation.id, email: "load@example.com", name: "")
let timers = TimerThread()
var configuration = LLMConfiguration()
configuration.bucketSize = 1_000_000
configuration.maximumStreams = options.streams
let surface = LLMSurface(
    engine: engine, configuration: configuration,
    responder: PacedResponder(
        timers: timers, period: UInt64(1_000_000 / options.rate), count: options.rate * options.seconds),
    timers: timers)
let server = try HTTPServer()
let port = try server.listen(host: "127.0.0.1", port: 0, handler: surface.handler)

let before = residentBytes()
let body = #"{"message":"go"}"#
let query = options.isResumable ? "?resume=1" : ""
var sockets: [LoopbackSocket] = []
for _ in 0..<options.streams {
    let socket = try LoopbackSocket(port: port)
    try socket.send(
        "POST /chat/stream\(query) HTTP/1.1\r\nHost: a\r\nx-org-id: \(organisation.id)\r\nx-user-id: \(account.id)\r\n"
            + "Accept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            + body)
    sockets.append(socket)
}
var readers = Readers(sockets: sockets)
readers.run(clock)
let sorted = readers.lateness.sorted()
func percentile(_ part: Double) -> String {
    guard !sorted.isEmpty else { return "-" }
    let value = Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]) / 1000
    return "\((value * 100).rounded() / 100) ms"
}
print(
    "\(options.streams) streams of \(options.rate) tokens/s for \(options.seconds) s",
    options.isResumable ? "(resumable):" : "(plain):", "\(sorted.count) of",
    "\(options.streams * options.rate * options.seconds) tokens seen whole, \(readers.ended) streams ended")
print(
    "lateness p50 \(percentile(0.5)), p90 \(percentile(0.9)), p99 \(percentile(0.99)), p99.9 \(percentile(0.999)),",
    "max \(percentile(1))")
print(
    "resident: \(before >> 10) KiB before, \(readers.peakBytes >> 10) KiB at the peak:",
    "\(max(0, readers.peakBytes - before - sorted.count * 4) / max(1, options.streams) / 1024) KiB a stream")
server.drain(deadline: .zero)
surface.stopStreams()
timers.shutDown()
engine.close()
try store.close()
