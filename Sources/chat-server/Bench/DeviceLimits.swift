internal import Glibc
internal import LogStore

/// What the device under a directory can do at best, in the way the log uses it: appending to a file whose space is
/// reserved.
struct DeviceLimits: Sendable {
    /// Bytes that each of the synced appends wrote.
    var syncedWriteBytes: Int
    /// Append and fdatasync, one at a time.
    var syncs: LatencyHistogram
    var syncsPerSecond: Double
    /// Appends of 1 MiB with one fdatasync at the end.
    var sequentialBytesPerSecond: Double

    private static let reserveBytes: UInt64 = 4 << 20
    private static let sequentialBytes = 256 << 20

    /// Measures for about twice `seconds`.
    /// - Parameter writeBytes: the size of a synced append; rounded up to 4 KiB.
    static func measure(
        in directory: String, writeBytes: Int, seconds: Double, until stop: StopRequest
    ) throws(CommandFailure) -> DeviceLimits {
        let size = max(4096, (writeBytes + 4095) / 4096 * 4096)
        do throws(DiskError) {
            let disk = try LiveDisk(path: directory, createIfMissing: true)
            let (syncs, rate) = try syncRate(disk, size, seconds, stop)
            let sequential = try sequentialRate(disk, seconds, stop)
            return DeviceLimits(
                syncedWriteBytes: size, syncs: syncs, syncsPerSecond: rate, sequentialBytesPerSecond: sequential)
        } catch { throw CommandFailure(error, directory: directory) }
    }

    private static func syncRate(
        _ disk: LiveDisk, _ size: Int, _ seconds: Double, _ stop: StopRequest
    ) throws(DiskError) -> (LatencyHistogram, Double) {
        let file = try disk.create("syncs")
        defer { file.close() }
        let block = [UInt8](repeating: 0x61, count: size)
        var latency = LatencyHistogram()
        var reserved: UInt64 = 0
        let start = Monotonic.nanoseconds
        var now = start
        while Double(now - start) < seconds * 1e9 && stop.reasonSoFar == nil {
            if file.size + UInt64(size) > reserved {
                reserved += max(reserveBytes, UInt64(size))
                try file.reserve(reserved)
            }
            let begun = Monotonic.nanoseconds
            try append(block, to: file)
            try file.sync(.logGroup)
            now = Monotonic.nanoseconds
            latency.record(now - begun)
        }
        return (latency, Double(latency.count) / max(1e-9, Double(now - start) / 1e9))
    }

    private static func sequentialRate(
        _ disk: LiveDisk, _ seconds: Double, _ stop: StopRequest
    ) throws(DiskError) -> Double {
        let file = try disk.create("sequential")
        defer { file.close() }
        let block = [UInt8](repeating: 0x61, count: 1 << 20)
        let start = Monotonic.nanoseconds
        var written = 0
        while written < sequentialBytes, Double(Monotonic.nanoseconds - start) < seconds * 1e9,
            stop.reasonSoFar == nil
        {
            try append(block, to: file)
            written += block.count
        }
        try file.sync(.logGroup)
        return Double(written) / max(1e-9, Double(Monotonic.nanoseconds - start) / 1e9)
    }

    private static func append(_ block: [UInt8], to file: any DiskFile) throws(DiskError) {
        // The closure cannot be typed and throwing at once for a protocol's method, so the error is carried out.
        var failure: DiskError?
        block.withUnsafeBytes { bytes in
            do throws(DiskError) { try file.append(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
