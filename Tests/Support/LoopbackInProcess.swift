import Glibc
package import HTTPTransport
import Synchronization

/// An exchange without a socket: keeps the reply and the header fields that were added before it.
package final class RecordingExchange: Exchange {
    private struct State {
        var fields: [(name: String, value: String)] = []
        var response: Response?
        var continuation: CheckedContinuation<Response, Never>?
    }

    private let state = Mutex(State())

    package init() {}

    package func addHeader(_ name: String, _ value: String) {
        state.withLock { if $0.response == nil { $0.fields.append((name, value)) } }
    }

    package func addHeaders(_ block: HeaderBlock) {
        state.withLock { if $0.response == nil { $0.fields += block.fields } }
    }

    package func removeHeaders() {
        state.withLock { if $0.response == nil { $0.fields = [] } }
    }

    package func respond(_ response: Response) {
        let (continuation, full) = state.withLock { state -> (CheckedContinuation<Response, Never>?, Response) in
            var full = response
            full.headers = state.fields + response.headers
            guard state.response == nil else { return (nil, full) }
            state.response = full
            return (state.continuation, full)
        }
        continuation?.resume(returning: full)
    }

    /// The reply so far, its headers with those of the middleware in front.
    package var response: Response? { state.withLock { $0.response } }

    /// Waits for the reply.
    package func reply() async -> Response {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state -> Response? in
                if state.response == nil { state.continuation = continuation }
                return state.response
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }
}

/// Runs a blocking test body on a thread of its own, so that the few threads of the test runner stay free.
package func onOwnThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        let box = Unmanaged.passRetained(
            ThreadBox { continuation.resume(with: Result(catching: body)) })
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { raw in
                Unmanaged<ThreadBox>.fromOpaque(raw!).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        precondition(code == 0, "no thread for a test")
        pthread_detach(thread)
    }
}

private final class ThreadBox: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
