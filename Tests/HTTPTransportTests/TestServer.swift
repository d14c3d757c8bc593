import Glibc
import HTTPTransport
import Synchronization

/// A server on a free port, for as long as the object lives.
final class TestServer: Sendable {
    let server: HTTPServer
    let port: UInt16

    init(
        loops: Int = 1, limits: HTTPLimits = HTTPLimits(), tls: TLSCertificate? = nil, handler: @escaping Handler
    ) throws {
        var configuration = HTTPServer.Configuration()
        configuration.loops = loops
        configuration.limits = limits
        configuration.tls = tls
        server = try HTTPServer(configuration: configuration)
        port = try server.listen(host: "127.0.0.1", port: 0, tls: tls != nil, handler: handler)
    }

    deinit { server.drain(deadline: .zero) }
}

/// Gives every reply an entity tag.
let tagging: Middleware = { next in
    { request, exchange in next(request, TransformingExchange(exchange) { EntityTag.apply(to: &$0, for: request) }) }
}

/// A joinable thread.
final class TestThread: @unchecked Sendable {
    // Unchecked: written before anybody else can see the object.
    private var handle = pthread_t()

    private final class Box {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }

    init(_ body: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(Box(body))
        let code = pthread_create(
            &handle, nil,
            { raw in
                Unmanaged<Box>.fromOpaque(raw!).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        precondition(code == 0, "no thread for a test")
    }

    func join() { pthread_join(handle, nil) }
}

/// Threads that run submitted closures, as a commit thread answers requests.
final class Responders: Sendable {
    private let queue = Mutex<[@Sendable () -> Void]>([])
    private let isStopped = Atomic<Bool>(false)
    private let threads = Mutex<[TestThread]>([])

    init(threads count: Int) {
        for _ in 0..<count {
            let thread = TestThread { [self] in
                while !isStopped.load(ordering: .acquiring) {
                    let work = queue.withLock { $0.popLast() }
                    if let work { work() } else { sched_yield() }
                }
            }
            threads.withLock { $0.append(thread) }
        }
    }

    func submit(_ work: @escaping @Sendable () -> Void) { queue.withLock { $0.append(work) } }

    func stop() {
        isStopped.store(true, ordering: .releasing)
        for thread in threads.withLock({ $0 }) { thread.join() }
    }
}

/// What handlers saw or made, in order.
final class Recorded<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])
    func add(_ element: Element) { elements.withLock { $0.append(element) } }
    var all: [Element] { elements.withLock { $0 } }
}

typealias Recorder = Recorded<String>

extension String {
    /// How often `part` occurs.
    func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
