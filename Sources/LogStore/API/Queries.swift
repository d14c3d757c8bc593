/// A session as it stands: what its directory row says.
package struct SessionInfo: Hashable, Sendable {
    package var key: SessionKey
    /// The external id.
    package var id: String
    package var createdAt: Timestamp
    package var updatedAt: Timestamp
    /// The newest sequence number ever given; 0 = none.
    package var lastSequence: SequenceNumber
    /// Entries that are not deleted.
    package var entryCount: UInt32
    package var tags: UInt32
    /// The LSN at which state or tags were last set: what `Precondition.stateVersion` compares.
    package var stateVersion: LSN
    package var retentionClass: UInt8
}

/// One stored entry (message).
package struct Entry: Hashable, Sendable {
    package var sequence: SequenceNumber
    package var createdAt: Timestamp
    /// When it was last amended; nil = never.
    package var amendedAt: Timestamp?
    package var payload: [UInt8]
}

/// Which entries of a session to read. Deleted entries are skipped and do not count towards `limit`.
package struct EntryQuery: Hashable, Sendable {
    package enum Order: Sendable {
        case ascending
        case descending
    }
    /// Only sequences above this; nil = from the first.
    package var after: SequenceNumber?
    /// Only sequences below this; nil = to the last.
    package var before: SequenceNumber?
    /// At most this many, counted from the order's beginning.
    package var limit: Int
    package var order: Order

    package init(
        after: SequenceNumber? = nil, before: SequenceNumber? = nil, limit: Int, order: Order = .ascending
    ) {
        self.after = after
        self.before = before
        self.limit = limit
        self.order = order
    }

    /// The newest `count` entries, newest first.
    package static func last(_ count: Int) -> EntryQuery { EntryQuery(limit: count, order: .descending) }
}

/// Which sessions of a user (or tenant) to list.
package struct SessionQuery: Hashable, Sendable {
    package enum Sort: UInt8, Sendable {
        case updatedAt = 1
        case createdAt = 2
    }
    package var sort: Sort
    package var ascending: Bool
    /// Bounds on `createdAt`, both inclusive.
    package var createdFrom: Timestamp?
    package var createdTo: Timestamp?
    /// Only sessions whose `tags & mask == value`.
    package var tagMask: UInt32
    package var tagValue: UInt32
    package var limit: Int
    /// Continue after this place (from `SessionPage.next`).
    package var cursor: SessionCursor?
    /// Leave out so many from the order's beginning, and count all that fit (`SessionPage.total`); nil: do neither.
    package var offset: Int?

    package init(
        sort: Sort = .updatedAt, ascending: Bool = false, createdFrom: Timestamp? = nil, createdTo: Timestamp? = nil,
        tagMask: UInt32 = 0, tagValue: UInt32 = 0, limit: Int, cursor: SessionCursor? = nil, offset: Int? = nil
    ) {
        self.sort = sort
        self.ascending = ascending
        self.createdFrom = createdFrom
        self.createdTo = createdTo
        self.tagMask = tagMask
        self.tagValue = tagValue
        self.limit = limit
        self.cursor = cursor
        self.offset = offset
    }
}

/// A place in a sorted list of sessions: the sort value and the session. It stays valid when sessions change: a session
/// whose `updatedAt` moved is met at its new place only.
package struct SessionCursor: Hashable, Sendable {
    package var value: Timestamp
    package var session: UInt64
    package init(value: Timestamp, session: UInt64) {
        self.value = value
        self.session = session
    }
}

package struct SessionPage: Hashable, Sendable {
    package var sessions: [SessionInfo]
    /// Where the next page begins; nil if nothing is left.
    package var next: SessionCursor?
    /// Sessions that fit the query wherever the page is; nil unless it has an offset.
    package var total: Int?
}

/// A stored document and the LSN it was set at.
package struct Document: Hashable, Sendable {
    package var key: [UInt8]
    package var value: [UInt8]
    package var version: LSN
}
