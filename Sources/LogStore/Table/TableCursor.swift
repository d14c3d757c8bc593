/// A position in a table. Holds one index page and one decoded block, so the record it stands on costs no read.
///
/// Used by one thread at a time. A call that throws leaves the cursor where it was, so `.wouldBlock` can be answered by
/// going on with a blocking cursor from the same key.
package final class TableCursor {
    private let reader: TableReader
    private let policy: ReadPolicy
    private let fillsCache: Bool
    private var position: Position?

    private struct Position {
        var child: Int
        var page: IndexPage
        var entry: Int
        var block: DataBlock
        var record: Int
    }

    init(_ reader: TableReader, policy: ReadPolicy, fillsCache: Bool) {
        self.reader = reader
        self.policy = policy
        self.fillsCache = fillsCache
    }

    /// The cursor stands on a record.
    package var isValid: Bool { position != nil }

    // MARK: The record

    /// The key, in the block's memory: valid until the cursor moves or goes.
    /// - Precondition: `isValid`.
    @unsafe package var keyBytes: UnsafeRawBufferPointer {
        guard let position else { preconditionFailure("cursor is not on a record") }
        return unsafe position.block.key(position.record)
    }

    /// The value, in the block's memory: valid until the cursor moves or goes.
    /// - Precondition: `isValid`.
    @unsafe package var valueBytes: UnsafeRawBufferPointer {
        guard let position else { preconditionFailure("cursor is not on a record") }
        return unsafe position.block.value(position.record)
    }

    /// Calls `body` with key and value without copying them.
    /// - Precondition: `isValid`.
    package func withRecord<R>(
        _ body: (_ key: RawSpan, _ value: RawSpan) throws(LogStoreError) -> R
    ) throws(LogStoreError) -> R {
        guard let position else { preconditionFailure("cursor is not on a record") }
        // The block is held for the call even if `body` moves the cursor.
        let block = position.block
        let key = unsafe block.key(position.record)
        let value = unsafe block.value(position.record)
        let result = try body(unsafe RawSpan(_unsafeBytes: key), unsafe RawSpan(_unsafeBytes: value))
        withExtendedLifetime(block) {}
        return result
    }

    /// A copy of the key.
    /// - Precondition: `isValid`.
    package var key: [UInt8] { unsafe Array(keyBytes) }
    /// A copy of the value.
    /// - Precondition: `isValid`.
    package var value: [UInt8] { unsafe Array(valueBytes) }

    // MARK: Moves

    /// To the first record.
    package func seekToFirst() throws(LogStoreError) {
        guard reader.top.count > 0 else { return position = nil }
        position = try place(child: 0, entry: .first, record: .first)
    }

    /// To the last record.
    package func seekToLast() throws(LogStoreError) {
        guard reader.top.count > 0 else { return position = nil }
        position = try place(child: reader.top.count - 1, entry: .last, record: .last)
    }

    /// To the first record whose key is at least `key`.
    package func seek(
        to key: UnsafeRawBufferPointer, through end: UnsafeRawBufferPointer? = nil
    ) throws(LogStoreError) {
        guard let found = try unsafe descend(key, orEqual: true, through: end) else { return try seekToFirst() }
        let record = unsafe found.block.lowerBound(key)
        position = try normalised(found, record: record)
    }

    /// To the last record whose key is at most `key`.
    package func seekLast(atOrBefore key: UnsafeRawBufferPointer) throws(LogStoreError) {
        try unsafe seekLast(key, orEqual: true)
    }

    /// To the last record whose key is below `key`.
    package func seekLast(before key: UnsafeRawBufferPointer) throws(LogStoreError) {
        try unsafe seekLast(key, orEqual: false)
    }

    /// To the first record whose key is at least `key`, to begin a walk that ends at `end`: its blocks are fetched together.
    package func seek(to key: [UInt8], through end: [UInt8]) throws(LogStoreError) {
        try unsafe key.withRawBytes { (key) throws(LogStoreError) in
            try unsafe end.withRawBytes { (end) throws(LogStoreError) in try unsafe seek(to: key, through: end) }
        }
    }

    package func seek(to key: [UInt8]) throws(LogStoreError) {
        try unsafe key.withRawBytes { (key) throws(LogStoreError) in try unsafe seek(to: key) }
    }

    package func seekLast(atOrBefore key: [UInt8]) throws(LogStoreError) {
        try unsafe key.withRawBytes { (key) throws(LogStoreError) in try unsafe seekLast(key, orEqual: true) }
    }

    package func seekLast(before key: [UInt8]) throws(LogStoreError) {
        try unsafe key.withRawBytes { (key) throws(LogStoreError) in try unsafe seekLast(key, orEqual: false) }
    }

    /// To the record after this one; past the last one the cursor is invalid.
    /// - Precondition: `isValid`.
    package func next() throws(LogStoreError) {
        guard let now = position else { preconditionFailure("cursor is not on a record") }
        if now.record + 1 < now.block.count {
            position?.record += 1
        } else {
            position = try following(now)
        }
    }

    /// To the record before this one; before the first one the cursor is invalid.
    /// - Precondition: `isValid`.
    package func previous() throws(LogStoreError) {
        guard let now = position else { preconditionFailure("cursor is not on a record") }
        if now.record > 0 {
            position?.record -= 1
        } else {
            position = try preceding(now)
        }
    }

    // MARK: Walking

    private enum End { case first, last }

    private func seekLast(_ key: UnsafeRawBufferPointer, orEqual: Bool) throws(LogStoreError) {
        guard let found = try unsafe descend(key, orEqual: orEqual) else { return position = nil }
        // The block starts at or before the key, so at least its first record qualifies; a file whose index names
        // another first key than the block has must not lead to record -1.
        let record = unsafe found.block.lowerBound(key, orEqual: !orEqual) - 1
        position = try normalised(found, record: record)
    }

    /// The last block that starts at or before `key` (with `orEqual` false: before it), nil if all start later.
    private func descend(
        _ key: UnsafeRawBufferPointer, orEqual: Bool, through end: UnsafeRawBufferPointer? = nil
    ) throws(LogStoreError) -> Position? {
        guard let child = unsafe reader.top.child(key, orEqual: orEqual) else { return nil }
        let page = try indexPage(child)
        guard let entry = unsafe page.child(key, orEqual: orEqual) else {
            throw reader.table.corrupt(at: reader.top[child].offset, "index page starts above its key")
        }
        if policy == .blocking, let end = unsafe end, let last = unsafe page.child(end) {
            reader.fetch(page[entry], through: page[last])
        }
        return Position(child: child, page: page, entry: entry, block: try block(page[entry]), record: 0)
    }

    /// `found` at `record`, where -1 and `count` mean the neighbouring blocks.
    private func normalised(_ found: Position, record: Int) throws(LogStoreError) -> Position? {
        if record < 0 { return try preceding(found) }
        if record >= found.block.count { return try following(found) }
        var found = found
        found.record = record
        return found
    }

    private func following(_ now: Position) throws(LogStoreError) -> Position? {
        if now.entry + 1 < now.page.count {
            let block = try block(now.page[now.entry + 1])
            return Position(child: now.child, page: now.page, entry: now.entry + 1, block: block, record: 0)
        }
        guard now.child + 1 < reader.top.count else { return nil }
        return try place(child: now.child + 1, entry: .first, record: .first)
    }

    private func preceding(_ now: Position) throws(LogStoreError) -> Position? {
        if now.entry > 0 {
            let block = try block(now.page[now.entry - 1])
            return Position(
                child: now.child, page: now.page, entry: now.entry - 1, block: block, record: block.count - 1)
        }
        guard now.child > 0 else { return nil }
        return try place(child: now.child - 1, entry: .last, record: .last)
    }

    private func place(child: Int, entry: End, record: End) throws(LogStoreError) -> Position {
        let page = try indexPage(child)
        let entry = entry == .first ? 0 : page.count - 1
        let block = try block(page[entry])
        return Position(
            child: child, page: page, entry: entry, block: block, record: record == .first ? 0 : block.count - 1)
    }

    private func indexPage(_ child: Int) throws(LogStoreError) -> IndexPage {
        try reader.indexPage(child, policy, fillsCache: fillsCache)
    }

    private func block(_ entry: IndexEntry) throws(LogStoreError) -> DataBlock {
        try reader.block(entry, policy, fillsCache: fillsCache)
    }
}
