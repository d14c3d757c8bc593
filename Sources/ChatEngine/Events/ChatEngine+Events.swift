package import LogStore

/// Some events of one tenant.
package struct EventPage: Sendable {
    package var events: [DomainEvent]
    /// Where the next page begins: what `events(after:)` is to be given then. It may have moved without an event.
    package var next: LSN
    /// Nothing was behind `next` when the page was read.
    package var isAtEnd: Bool
}

extension ChatEngine {
    /// The events behind a position, for a reader that keeps its own: an HTTP client. A position is an event's `lsn`; all
    /// events of a batch come together, so a page may have a few more than `limit`.
    ///
    /// The log keeps what the store or a registered consumer needs, and at least `StoreOptions.logRetentionSeconds`.
    /// - Throws: `gone` if the log no longer reaches back to `lsn`; `chat(.forbidden)` unless the access value reaches the
    ///   whole tenant.
    /// - Complexity: O(batches looked at), at most some thousands a call.
    package func events(after lsn: LSN, limit: Int, _ access: Access) throws(EventFeedError) -> EventPage {
        guard case .tenant = access.reach, let tenant = access.tenant.publishedName else { throw .chat(.forbidden) }
        let reader = DomainEventReader(store, after: lsn)
        let end = store.feedStatus.durableLSN
        var events: [DomainEvent] = []
        var looked = 0
        while events.count < limit, looked < Self.eventsLookedAt {
            let start = reader.position
            let read = try reader.next(limit: max(1, limit - events.count))
            if reader.position == start { break }
            looked += read.isEmpty ? Self.eventsLookedAt : read.count
            events += read.filter { $0.note.tenant.utf8.elementsEqual(tenant.utf8) }
        }
        return EventPage(events: events, next: reader.position, isAtEnd: reader.position >= end)
    }

    /// Other tenants' events that one call of `events` passes over.
    private static let eventsLookedAt = 4096

    /// The events behind a position, read on a reader thread.
    package func events(
        after lsn: LSN, limit: Int, _ access: Access,
        completion: @escaping @Sendable (Result<EventPage, EventFeedError>) -> Void
    ) {
        let accepted = readers.submit { [self] in
            do throws(EventFeedError) {
                completion(.success(try events(after: lsn, limit: limit, access)))
            } catch {
                completion(.failure(error))
            }
        }
        if !accepted { completion(.failure(.chat(.overloaded(retryAfterSeconds: 1)))) }
    }

    /// The position at which events end now: where a reader begins that wants new ones only.
    package var eventsEnd: LSN { store.feedStatus.durableLSN }

    /// Calls `wake` whenever there are new events of any tenant, until the observation is cancelled or let go. It is called
    /// on the store's writer thread: it must not block; it is to have the events read elsewhere.
    package func observeEvents(_ wake: @escaping @Sendable () -> Void) -> FeedObservation { store.observeFeed(wake) }
}
