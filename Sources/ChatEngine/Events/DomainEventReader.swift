package import LogStore

/// Why there are no events to be had.
package enum EventFeedError: Error, Hashable, Sendable {
    /// The log no longer reaches back to the position; the oldest that it still has is behind `oldest`.
    case gone(oldest: LSN)
    case chat(ChatError)

    init(_ error: LogStoreError) {
        if case .feedTruncated(let oldest) = error {
            self = .gone(oldest: LSN(max(1, oldest.rawValue) - 1))
        } else {
            self = .chat(ChatError(error))
        }
    }
}

/// Turns committed batches into domain events, in their order.
///
/// Steps for a batch: each annotation is a note about the nearest change before it of the kind that it names; that change
/// brings the content. If the ledger says that the change's session, learner or tenant has been erased since, the event
/// comes without content: what has been erased does not come back through the feed, however late a consumer is.
///
/// One reader, one thread.
package final class DomainEventReader {
    private let store: LogStore
    private let feed: ChangeFeed

    /// At most so many batches are looked at in one call: other surfaces' have no events and are many.
    private static let scanBatches = 8192

    package init(_ store: LogStore, after lsn: LSN) {
        self.store = store
        feed = store.feed(after: lsn)
    }

    /// Everything up to it has been handed out.
    package var position: LSN { feed.position }

    /// The events of the next batches, whole batches only. Empty: there are none yet if `position` is where it was, else
    /// none in what one call looks at.
    package func next(limit: Int) throws(EventFeedError) -> [DomainEvent] {
        var events: [DomainEvent] = []
        do throws(LogStoreError) {
            for batch in try feed.nextAnnotated(limit: max(1, limit), scanning: Self.scanBatches) {
                events += try Self.events(of: batch, store)
            }
        } catch {
            throw EventFeedError(error)
        }
        return events
    }

    private static func events(of batch: LoggedBatch, _ store: LogStore) throws(LogStoreError) -> [DomainEvent] {
        var events: [DomainEvent] = []
        for (place, change) in batch.changes.enumerated() {
            guard case .annotated(let bytes) = change else { continue }
            guard let (found, session) = try event(bytes, batch, batch.changes[..<place]) else { continue }
            var event = found
            if let session, try isErased(session, store) { event.content = .withheld(.erased) }
            event.index = events.count
            events.append(event)
        }
        if !events.isEmpty { events[events.count - 1].isLastOfBatch = true }
        return events
    }

    private static func event(
        _ bytes: [UInt8], _ batch: LoggedBatch, _ before: ArraySlice<LoggedBatch.Change>
    ) throws(LogStoreError) -> (DomainEvent, SessionKey?)? {
        do throws(MalformedRecord) {
            guard let note = try EventNote(decoding: bytes) else { return nil }
            let (content, session) = try content(of: note.kind, before)
            let event = DomainEvent(
                lsn: batch.lsn, index: 0, isLastOfBatch: false, time: batch.time, note: note, content: content)
            return (event, session)
        } catch {
            throw .corrupt(file: "log", offset: batch.lsn.rawValue, detail: "event: \(error.what)")
        }
    }

    private static func content(
        of kind: EventKind, _ changes: ArraySlice<LoggedBatch.Change>
    ) throws(MalformedRecord) -> (DomainEvent.Content, SessionKey?) {
        for change in changes.reversed() {
            switch (kind, change) {
            case (.threadCreated, .sessionCreated(let key, _, let state, _, _)),
                (.threadUpdated, .sessionUpdated(let key, let state?, _, _)):
                return (.thread(state.isEmpty ? SessionState() : try SessionState(decoding: state)), key)
            case (.messageCreated, .entryAppended(let key, _, let payload, _, _)),
                (.messageUpdated, .entryAmended(let key, _, let payload, _, _)):
                return (.message(try Message(decoding: payload)), key)
            default: continue
            }
        }
        return (.none, nil)
    }

    /// Keys are never used again, so a ledger entry is about this very session.
    private static func isErased(_ key: SessionKey, _ store: LogStore) throws(LogStoreError) -> Bool {
        for subject in [ErasureSubject.session(key), .user(key.owner), .tenant(key.tenant)] {
            if try store.erasure(of: subject) != nil { return true }
        }
        return false
    }
}
