package import LogStore

/// A page of a session's messages, by what a client may name it. Pages are oldest first.
package struct HistoryWindow: Hashable, Sendable {
    package enum Place: Hashable, Sendable {
        /// So many of the oldest are left out.
        case offset(Int)
        /// Behind this sequence number.
        case after(SequenceNumber)
        /// The newest of those below this sequence number.
        case before(SequenceNumber)
        case newest
    }

    package var place: Place
    /// At least 1.
    package var limit: Int

    package init(_ place: Place, limit: Int) {
        self.place = place
        self.limit = max(1, limit)
    }
}

/// A session and a page of its messages, oldest first.
package struct WindowPage: Sendable {
    package var session: Session
    package var messages: [StoredMessage]
    /// Whether the session has more in the page's direction: newer ones, for `before` and `newest` older ones.
    package var hasMore: Bool
}

extension ChatEngine {
    /// A session and a page of its messages.
    ///
    /// An offset counts from the oldest message that is kept: the oldest are the ones that expire, so the sequence numbers
    /// of the others have no gaps, and an offset is one.
    /// - Throws: `sessionNotFound`, `forbidden`.
    /// - Complexity: O(page) at any depth.
    package func page(
        of id: String, _ window: HistoryWindow, _ access: Access, completion: @escaping Completion<WindowPage>
    ) {
        read(completion) { [self] policy throws(ChatError) in
            let info = try resolve(id, access, policy)
            let session = try load(info, owner: nil, policy)
            let kept = UInt64(info.lastSequence) - min(UInt64(info.lastSequence), UInt64(info.entryCount))
            var query = EntryQuery(limit: window.limit)
            switch window.place {
            case .offset(let offset): query.after = SequenceNumber(clamping: kept + UInt64(max(0, offset)))
            case .after(let sequence): query.after = sequence
            case .before(let sequence):
                query.before = sequence
                query.order = .descending
            case .newest: query.order = .descending
            }
            var messages = try entries(of: info.key, query, policy)
            if query.order == .descending { messages.reverse() }
            let hasMore =
                query.order == .ascending
                ? messages.last.map { $0.sequence < info.lastSequence } ?? false
                : messages.first.map { UInt64($0.sequence) > kept + 1 } ?? false
            return WindowPage(session: session, messages: messages, hasMore: hasMore)
        }
    }
}
