package import ChatEngine

/// Tells other systems what happens in the store: the way from the log to the outside.
///
///     let relay = try EventRelay(engine, consumers: [("kafka", sink)]) { event in … }
///     relay.start()
///     …
///     relay.stop()
///
/// A `Consumer` reads domain events behind its durable position (`ChatEngine/Events`), hands them in order to its
/// `EventSink`, and moves the position behind what the sink has confirmed. `KafkaSink` and `WebhookSink` are the sinks.
/// Nothing here is ever waited for by a request: a receiver that is away costs lag and log files.
///
/// docs/events.md says what receivers get and may rely on.
package protocol EventSink: AnyObject, Sendable {
    /// What may be under way at once.
    var window: DeliveryWindow { get }

    /// What the sink last heard of its receiver's troubles, for the log; nil: nothing.
    var trouble: String? { get }

    /// Begins to deliver events, in this order and behind those under way. Does not block; `report` may be called from any
    /// thread, more than once, also before this returns. Called on the consumer's thread.
    func send(_ events: [OutgoingEvent], report: @escaping @Sendable (DeliveryReport) -> Void)

    /// Gives up what is under way. It may arrive all the same; events not confirmed are sent again.
    func reset()

    /// Gives up everything. Nothing is sent after it.
    func close()
}

extension EventSink {
    package var trouble: String? { nil }
}

/// How much a sink takes before it confirms.
package struct DeliveryWindow: Hashable, Sendable {
    package var events: Int
    /// Approximate; one event is always taken.
    package var bytes: Int
    /// Whether the next events are sent only when all before are confirmed.
    package var isOneAtATime: Bool

    package init(events: Int, bytes: Int, isOneAtATime: Bool) {
        self.events = events
        self.bytes = bytes
        self.isOneAtATime = isOneAtATime
    }
}

/// An event with the number by which its sink reports on it. Numbers rise in the order of sending, from 1.
package struct OutgoingEvent: Sendable {
    package var number: UInt64
    package var event: DomainEvent
}

package enum DeliveryReport: Sendable {
    /// The receiver has it.
    case delivered(UInt64)
    case failed(DeliveryFailure)
}

/// Why what is under way has to be sent again.
package struct DeliveryFailure: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case retry
        /// The receiver asks to wait at least so long.
        case retryAfter(seconds: Int)
        /// The receiver never takes this event as it is.
        case tooLarge(UInt64)
        /// The receiver wants no more events.
        case unwanted
    }
    package var kind: Kind
    /// For the log: no content, no secret.
    package var reason: String

    package init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }
}

/// What an operator should hear; the embedding program logs it. Told when a condition begins or ends, not at each try.
package enum RelayEvent: Hashable, Sendable {
    case failing(consumer: String, reason: String)
    case recovered(consumer: String, attempts: Int)
    /// The log no longer held what the consumer had not read: the events between are lost to it.
    case dropped(consumer: String, after: UInt64, through: UInt64)
    /// Delivered without content, because the receiver does not take it otherwise.
    case withheld(consumer: String, event: String)
    /// Not delivered: the receiver does not take it even without content.
    case skipped(consumer: String, event: String)
    /// The receiver wants no more; it is asked again at the next start.
    case stopped(consumer: String, reason: String)
    /// The store could not be read or written.
    case storeFailed(consumer: String, reason: String)
    /// Not configured any more: its position is given up.
    case forgotten(consumer: String)
}

/// Where a consumer stands.
package struct ConsumerStatus: Hashable, Sendable {
    package var name: String
    /// Everything up to it has been confirmed.
    package var position: UInt64
    /// Batches of the log behind the position; 0 if there is no event among them.
    package var lagBatches: UInt64
    /// Age of the oldest event that is not confirmed.
    package var lagSeconds: Double
    /// Since the start.
    package var delivered: UInt64 = 0
    package var failures: UInt64 = 0
    /// Batches of the log that were lost to it, and events that the receiver does not take.
    package var dropped: UInt64 = 0
    package var skipped: UInt64 = 0
    package var isFailing = false
}
