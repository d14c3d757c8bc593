/// When upgraded sockets want to be called, soonest first: a binary heap.
///
/// Nothing is ever taken out of its middle: a socket whose timer was moved or is gone is found out when its entry comes
/// up (`EventLoop.fireTimers`), so that moving a timer at every message costs two stores.
struct TimerQueue {
    struct Entry {
        /// In `System.coarseMilliseconds`.
        var due: UInt64
        var token: UInt64
    }

    private var heap: [Entry] = []

    var isEmpty: Bool { heap.isEmpty }

    var earliest: UInt64? { heap.first?.due }

    /// - Complexity: O(log entries).
    mutating func insert(_ entry: Entry) {
        heap.append(entry)
        var index = heap.count - 1
        while index > 0, heap[index].due < heap[(index - 1) / 2].due {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    /// The earliest entry if it is due at `now`.
    ///
    /// - Complexity: O(log entries).
    mutating func takeDue(at now: UInt64) -> Entry? {
        guard let first = heap.first, first.due <= now else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var index = 0
        while 2 * index + 1 < heap.count {
            var child = 2 * index + 1
            if child + 1 < heap.count, heap[child + 1].due < heap[child].due { child += 1 }
            guard heap[child].due < heap[index].due else { break }
            heap.swapAt(index, child)
            index = child
        }
        return first
    }
}
