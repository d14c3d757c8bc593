internal import Glibc

/// The clock that no one sets.
enum Monotonic {
    static var nanoseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// A deadline for calls that know only the wall clock. As that may jump, they are to be asked for short times, and
    /// `nanoseconds` decides afterwards.
    static func wallTime(after nanoseconds: UInt64) -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let sum = UInt64(time.tv_nsec) + nanoseconds
        time.tv_sec += Int(sum / 1_000_000_000)
        time.tv_nsec = Int(sum % 1_000_000_000)
        return time
    }
}
