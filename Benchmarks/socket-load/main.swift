// What sockets of the poc surface cost, and how fast messages are answered over them.
//
//   socket-load --port PORT --pid PID idle [--sockets N]
//   socket-load --port PORT --pid PID rooms [--sockets N] [--sessions S] [--turns T] [--active A] [--slow K]
//
// Against a running server with `poc.insecure-tokens` on and without limits; scripts/socket-load.sh starts one.
//
// idle: opens N authenticated sockets, which then do nothing, and says what each takes of the server's memory.
// rooms: N sockets in S sessions. A of the sessions have a message under way at any time, sent by one of their sockets in
// turn; a turn ends when every socket of the session has the reply. K further sockets are in the first sessions and never
// read.

import Glibc
import TestSupport

struct Options {
    var port: UInt16 = 3006
    var pid: Int32 = 0
    var mode = "idle"
    var sockets = 10_000
    var sessions = 100
    var turns = 10_000
    var active = 100
    var slow = 0

    init(_ arguments: ArraySlice<String>) {
        var arguments = arguments
        while let argument = arguments.popFirst() {
            if argument == "idle" || argument == "rooms" {
                mode = argument
                if mode == "rooms" { sockets = 1000 }
                continue
            }
            guard let number = arguments.popFirst().flatMap({ Int($0) }) else { continue }
            switch argument {
            case "--port": port = UInt16(number)
            case "--pid": pid = Int32(number)
            case "--sockets": sockets = number
            case "--sessions": sessions = number
            case "--turns": turns = number
            case "--active": active = number
            case "--slow": slow = number
            default: continue
            }
        }
    }
}

func microseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1000
}

/// Private resident memory of a process in bytes.
func residentBytes(_ pid: Int32) -> Int {
    let descriptor = open("/proc/\(pid)/statm", O_RDONLY)
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = read(descriptor, &bytes, bytes.count)
    let numbers = bytes[..<max(0, count)].split { $0 == 0x20 || $0 == 0x0A }
        .compactMap { Int(String(decoding: $0, as: UTF8.self)) }
    return numbers.count > 2 ? (numbers[1] - numbers[2]) * 4096 : 0
}

/// Processor time that a process has used, in microseconds.
func processorMicroseconds(_ pid: Int32) -> Int {
    let descriptor = open("/proc/\(pid)/stat", O_RDONLY)
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1024)
    let count = read(descriptor, &bytes, bytes.count)
    // Behind the name, which is in parentheses: utime and stime are the fields 14 and 15, in hundredths.
    let text = String(decoding: bytes[..<max(0, count)], as: UTF8.self)
    let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
    return fields.count > 12 ? ((Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0)) * 10_000 : 0
}

func fail(_ text: String) -> Never {
    let line = Array("socket-load: \(text)\n".utf8)
    _ = write(2, line, line.count)
    exit(1)
}

/// The string behind `"name":"`, of the first such member.
func member(_ name: String, of json: String) -> String {
    guard let range = json.firstRange(of: "\"\(name)\":\"") else { fail("no \(name) in \(json)") }
    return String(json[range.upperBound...].prefix { $0 != "\"" })
}

final class Load {
    let options: Options
    let poller = Poller()
    var sockets: [LoadSocket] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    let token: String

    init(_ options: Options) throws {
        self.options = options
        let reply = try LoopbackClient(port: options.port).send("POST", "/auth/token", json: #"{"userId":"load"}"#)
        token = member("token", of: reply.text)
    }

    /// Opens sockets, at most 200 of them on their way, until each has its `connected`.
    func open(_ count: Int, receiveBufferBytes: Int32 = 0) {
        var ready = 0
        let first = sockets.count
        while ready < count {
            while sockets.count - first < min(count, ready + 200) {
                guard let socket = LoadSocket(port: options.port, receiveBufferBytes: receiveBufferBytes) else {
                    fail("cannot connect: errno \(errno)")
                }
                poller.add(socket, sockets.count)
                sockets.append(socket)
            }
            exchange { index, text, sockets, token in
                if text.hasPrefix("0{") { sockets[index].send(text: #"40{"token":"\#(token)"}"#) }
                if text.hasPrefix(#"42["connected""#) { ready += 1 }
            }
        }
    }

    /// Reads once from all sockets that have something.
    func exchange(_ body: (Int, String, [LoadSocket], String) -> Void) {
        for index in poller.wait(milliseconds: 1000) {
            let isOpen = sockets[index].receive(&buffer) { body(index, $0, sockets, token) }
            if !isOpen { fail("socket \(index) was closed by the server") }
        }
    }

    func idle() {
        // What the first few make is there for all.
        open(100)
        let before = residentBytes(options.pid)
        open(options.sockets - 100)
        let after = residentBytes(options.pid)
        let each = (after - before) / (options.sockets - 100)
        print("idle: \(options.sockets) sockets, \(each) bytes each, \(after >> 20) MiB in all")
    }

    func rooms() throws {
        let http = LoopbackClient(port: options.port)
        let authorization = ("Authorization", "Bearer \(token)")
        var sessions: [String] = []
        for _ in 0..<options.sessions {
            let reply = try http.send(
                "POST", "/api/sessions", headers: [authorization], json: #"{"userId":"load"}"#)
            sessions.append(member("sessionId", of: reply.text))
        }
        open(options.sockets)
        join(0..<options.sockets, sessions)
        if options.slow > 0 {
            let first = sockets.count
            open(options.slow, receiveBufferBytes: 4096)
            join(first..<sockets.count, sessions)
            for index in first..<sockets.count { poller.remove(sockets[index]) }
        }
        run(warmUp: true, turns: options.active * 5)
        run(warmUp: false, turns: options.turns)
    }

    private func join(_ range: Range<Int>, _ sessions: [String]) {
        var joined = 0
        for index in range { sockets[index].send(text: #"42["authenticate",{"token":"\#(token)"}]"#) }
        while joined < range.count {
            exchange { index, text, sockets, _ in
                if text.hasPrefix(#"42["authenticationSuccess""#) {
                    let session = sessions[(index - range.lowerBound) % sessions.count]
                    sockets[index].send(text: #"42["joinSession",{"sessionId":"\#(session)"}]"#)
                } else if text.hasPrefix(#"42["sessionJoined""#) {
                    joined += 1
                }
            }
        }
    }

    private func run(warmUp: Bool, turns: Int) {
        let members = options.sockets / options.sessions
        var started = [UInt64](repeating: 0, count: options.sessions)
        var missing = [Int](repeating: 0, count: options.sessions)
        var senders = [Int](repeating: 0, count: options.sessions)
        var latencies: [UInt64] = []
        var sent = 0
        let texts = ["What is my balance?", "show my last transactions", "hello there", "please calculate 12*7"]
        func begin(_ session: Int, _ sockets: [LoadSocket]) {
            guard sent < turns else { return }
            started[session] = microseconds()
            missing[session] = members
            senders[session] = (senders[session] + 1) % members
            let sender = sockets[session + senders[session] * options.sessions]
            sender.send(text: #"42["sendMessage",{"content":"\#(texts[sent % texts.count])"}]"#)
            sent += 1
        }
        let start = microseconds()
        let used = processorMicroseconds(options.pid)
        for session in 0..<min(options.active, options.sessions) { begin(session, sockets) }
        while latencies.count < turns {
            exchange { index, text, sockets, _ in
                if text.hasPrefix(#"42["messageError""#) { fail(text) }
                guard index < options.sockets, text.hasPrefix(#"42["newMessage""#) else { return }
                let session = index % options.sessions
                missing[session] -= 1
                guard missing[session] == 0 else { return }
                latencies.append(microseconds() - started[session])
                begin(
                    options.active < options.sessions ? (session + options.active) % options.sessions : session, sockets
                )
            }
        }
        guard !warmUp else { return }
        let seconds = Double(microseconds() - start) / 1e6
        let each = (processorMicroseconds(options.pid) - used) / turns
        latencies.sort()
        func quantile(_ part: Double) -> Double { Double(latencies[Int(part * Double(latencies.count - 1))]) / 1000 }
        let slow = options.slow > 0 ? ", \(options.slow) deaf" : ""
        print(
            "rooms: \(options.sockets) sockets in \(options.sessions) sessions\(slow), \(options.active) turns at once: "
                + "\(Int(Double(turns) / seconds)) turns/s, \(each) µs of the server's processors each, the reply at all sockets after "
                + "p50 \(quantile(0.5)) ms, p99 \(quantile(0.99)) ms, worst \(quantile(1)) ms; "
                + "server \(residentBytes(options.pid) >> 20) MiB")
    }
}

var descriptors = rlimit()
getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &descriptors)
descriptors.rlim_cur = descriptors.rlim_max
setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &descriptors)

let options = Options(CommandLine.arguments.dropFirst())
let load = try Load(options)
if options.mode == "idle" { load.idle() } else { try load.rooms() }
