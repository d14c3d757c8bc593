internal import Glibc

/// Growing raw memory with one owner: the writer's output, and scratch for bytes on their way from the disk.
@safe
final class RawBuffer: @unchecked Sendable {
    // Unchecked: one thread uses a buffer at a time; a mutex hands it over (`BlockCache.withScratch`).
    private var base: UnsafeMutableRawPointer
    private(set) var capacity: Int
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = max(capacity, 64)
        unsafe base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { unsafe base.deallocate() }

    /// The bytes written so far; valid until the next change.
    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: base, count: count) }

    func removeAll() { count = 0 }

    /// Room for `extra` more bytes, not yet counted; valid until the next change.
    func space(_ extra: Int) -> UnsafeMutableRawBufferPointer {
        if count + extra > capacity { grow(to: count + extra) }
        return unsafe UnsafeMutableRawBufferPointer(start: base + count, count: extra)
    }

    /// Counts bytes that were written into `space(_:)`.
    func advance(_ written: Int) {
        precondition(written >= 0 && count + written <= capacity)
        count += written
    }

    func append(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        unsafe space(bytes.count).copyMemory(from: bytes)
        count += bytes.count
    }

    func append(_ bytes: [UInt8]) { unsafe bytes.withUnsafeBytes { unsafe append($0) } }

    func appendVarint(_ value: UInt32) {
        let out = unsafe space(5)
        var rest = value
        var width = 0
        while rest >= 0x80 {
            unsafe out[width] = UInt8(truncatingIfNeeded: rest) | 0x80
            rest >>= 7
            width += 1
        }
        unsafe out[width] = UInt8(truncatingIfNeeded: rest)
        count += width + 1
    }

    /// Overwrites bytes that are already counted.
    func store<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at offset: Int) {
        precondition(offset >= 0 && offset + MemoryLayout<T>.size <= count)
        unsafe base.storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
    }

    private func grow(to needed: Int) {
        let larger = max(needed, capacity * 2)
        let fresh = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        unsafe fresh.copyMemory(from: base, byteCount: count)
        unsafe base.deallocate()
        unsafe base = fresh
        capacity = larger
    }
}

/// The order of keys: bytes, then length. Negative, zero or positive as in memcmp.
@inline(__always)
func compareKeys(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let shared = min(a.count, b.count)
    if shared > 0 {
        // Both have at least one byte here, so both have an address.
        let order = unsafe memcmp(a.baseAddress!, b.baseAddress!, shared)
        if order != 0 { return Int(order) }
    }
    return a.count - b.count
}

/// A LEB128 number below 2^32 at `position`, and the position after it; nil if it does not fit.
@inline(__always)
func decodeVarint(_ bytes: UnsafeRawBufferPointer, at position: Int) -> (value: UInt32, next: Int)? {
    var value: UInt32 = 0
    var shift: UInt32 = 0
    var at = position
    while at < bytes.count {
        let byte = unsafe bytes[at]
        at += 1
        if shift == 28 && byte > 0x0F { return nil }
        value |= UInt32(byte & 0x7F) << shift
        if byte < 0x80 { return (value, at) }
        shift += 7
    }
    return nil
}

extension UnsafeRawBufferPointer {
    /// A little-endian number at `offset`; the bounds are checked.
    func littleEndian<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type, at offset: Int) -> T {
        T(littleEndian: unsafe loadUnaligned(fromByteOffset: offset, as: T.self))
    }

    /// The bytes of `range`, which must lie inside.
    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: self[range]) }
}

extension Array where Element == UInt8 {
    /// `withUnsafeBytes` that keeps the error's type.
    func withRawBytes<R>(
        _ body: (UnsafeRawBufferPointer) throws(LogStoreError) -> R
    ) throws(LogStoreError) -> R {
        try unsafe withUnsafeBufferPointer { (elements) throws(LogStoreError) in
            try unsafe body(UnsafeRawBufferPointer(elements))
        }
    }
}
