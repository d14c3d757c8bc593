/// The wall clock and a monotonic clock. Nothing else in LogStore reads the time.
package protocol Clock: Sendable {
    func now() -> Timestamp
    /// Microseconds from an arbitrary start; never goes back.
    func monotonicMicroseconds() -> UInt64
}

/// Random bits that tests can fix. Used for the store's id and epochs, never for secrets.
package protocol RandomSource: Sendable {
    func next() -> UInt64
}
