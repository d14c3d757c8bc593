package import ChatEngine
package import LogStore
internal import Synchronization

/// Answers with the texts of `CannedReply`, streamed at the original's pace: 10 to 30 ms after every token.
package struct CannedResponder: Responder {
    package let context: ContextBudget? = nil
    package let isDeterministic = true
    private let timers: any Timers
    private let random: any RandomSource
    private let pace: ClosedRange<UInt64>

    /// - Parameter pace: microseconds after a token.
    package init(timers: any Timers, random: any RandomSource, pace: ClosedRange<UInt64> = 10_000...30_000) {
        self.timers = timers
        self.random = random
        self.pace = pace
    }

    package func stream(_ prompt: Prompt, skipping skipped: Int, to sink: any ReplySink) -> any ReplyCall {
        let tokens = CannedReply(streamedTo: prompt.message).tokens.dropFirst(skipped)
        let call = Call(Array(tokens), self, sink)
        call.step()
        return call
    }

    package func reply(to prompt: Prompt, sink: any ReplySink) -> any ReplyCall {
        let call = Call([], self, sink)
        sink.receive(CannedReply(to: prompt.message).text)
        sink.finish(.success(nil))
        return call
    }

    private final class Call: ReplyCall {
        private struct State {
            var next = 0
            var isCancelled = false
        }
        private let tokens: [[UInt8]]
        private let responder: CannedResponder
        private let sink: any ReplySink
        private let state = Mutex(State())

        init(_ tokens: [[UInt8]], _ responder: CannedResponder, _ sink: any ReplySink) {
            self.tokens = tokens
            self.responder = responder
            self.sink = sink
        }

        func cancel() { state.withLock { $0.isCancelled = true } }

        /// Gives the next token and comes back after the pace; after the last token's pace the end.
        func step() {
            let index = state.withLock { state -> Int? in
                guard !state.isCancelled else { return nil }
                defer { state.next += 1 }
                return state.next
            }
            guard let index else { return }
            guard index < tokens.count else { return sink.finish(.success(nil)) }
            sink.receive(tokens[index])
            let (pace, random) = (responder.pace, responder.random.next())
            let delay = pace.lowerBound + random % (pace.upperBound - pace.lowerBound + 1)
            responder.timers.schedule(afterMicroseconds: delay) { [self] in step() }
        }
    }
}
