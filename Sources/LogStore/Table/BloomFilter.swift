// A Bloom filter in pages that are read and evicted like blocks (Putze, Sanders, Singler, "Cache-, Hash- and
// Space-Efficient Bloom Filters", 2007: a blocked filter, with a page of 4 KiB for the block).
//
// 1. A key (or a prefix of keys that the writer's caller named) is hashed with XXH3-64, seeded with the store.
// 2. The hash's upper part picks the page; its remix gives the probes inside that page, by enhanced double hashing
//    (Dillinger, Manolios 2004).
// 3. So a lookup needs one page. With some 3,270 keys a page the loads differ by 2 %, and the false positive rate is
//    that of an ordinary filter (0.9 % at 10 bits a key).
//
// A page on disk: u64 hash (of all that follows) │ bits. All pages of a table have the same size; only a table with one
// page has a smaller one.

enum BloomFilter {
    static let maximumProbes: UInt8 = 16

    static func hash(_ key: UnsafeRawBufferPointer, store: UInt64) -> UInt64 { unsafe Checksum.xxh3(key, seed: store) }

    static func page(of hash: UInt64, pages: Int) -> Int { Int(hash.multipliedFullWidth(by: UInt64(pages)).high) }

    /// ln 2 × bits a key gives the fewest false positives.
    static func probes(bitsPerKey: Int) -> UInt8 { UInt8(max(1, min(Int(maximumProbes), bitsPerKey * 69 / 100))) }

    /// Calls `body` with the place of each probe below `bits`, until it returns false.
    @inline(__always)
    static func probe(_ hash: UInt64, probes: UInt8, bits: Int, _ body: (Int) -> Bool) -> Bool {
        // The upper part has chosen the page and is alike for all of its keys: mix before taking bits again.
        var mixed = hash &* 0x9E37_79B9_7F4A_7C15
        mixed ^= mixed >> 32
        mixed = mixed &* 0xD6E8_FEB8_6659_FD93
        var place = UInt32(truncatingIfNeeded: mixed >> 32)
        var step = UInt32(truncatingIfNeeded: mixed) | 1
        for i in 0..<UInt32(probes) {
            guard body(Int((UInt64(place) &* UInt64(bits)) >> 32)) else { return false }
            place &+= step
            step &+= i
        }
        return true
    }
}

/// Lengths of the prefixes of a key that go into a table's filter; up to four. `.key` is the whole key.
package struct FilterPrefixes: Hashable, Sendable, ExpressibleByArrayLiteral {
    /// Four lengths of 16 bits, the first lowest; 0 ends the list.
    private var packed: UInt64 = 0

    /// - Precondition: at most four lengths, each 1 to 1024 (`.key`: any).
    package init(arrayLiteral lengths: Int...) {
        precondition(lengths.count <= 4, "more than four filter prefixes")
        for (slot, length) in lengths.enumerated() {
            precondition(length >= 1 && length <= 0xFFFF, "filter prefix of \(length) bytes")
            packed |= UInt64(length) << UInt64(16 * slot)
        }
    }

    /// The length that stands for the whole key.
    package static let wholeKey = 0xFFFF
    package static let key: FilterPrefixes = [wholeKey]
    package static let none: FilterPrefixes = []

    /// The length in slot 0 to 3; 0 if there is none.
    func length(_ slot: Int) -> Int { Int(packed >> UInt64(16 * slot) & 0xFFFF) }
}

/// Collects hashes, eight bytes each, and makes the pages once their number is known.
struct BloomFilterBuilder {
    private let bitsPerKey: Int
    private let store: UInt64
    private var hashes: [UInt64] = []
    /// Last hash of each prefix slot: keys come in order, so equal prefixes follow each other.
    private var last: (UInt64?, UInt64?, UInt64?, UInt64?) = (nil, nil, nil, nil)
    /// Every key so far was added whole.
    private(set) var holdsKeys: Bool

    init(bitsPerKey: Int, store: UInt64) {
        self.bitsPerKey = bitsPerKey
        self.store = store
        holdsKeys = bitsPerKey > 0
    }

    var probes: UInt8 { hashes.isEmpty ? 0 : BloomFilter.probes(bitsPerKey: bitsPerKey) }

    mutating func add(_ key: UnsafeRawBufferPointer, _ prefixes: FilterPrefixes) {
        guard bitsPerKey > 0 else { return }
        var whole = false
        for slot in 0..<4 {
            let length = min(prefixes.length(slot), key.count)
            guard length > 0 else { break }
            if length == key.count { whole = true }
            add(unsafe BloomFilter.hash(key.slice(0..<length), store: store), slot: slot)
        }
        holdsKeys = holdsKeys && whole
    }

    private mutating func add(_ hash: UInt64, slot: Int) {
        let known: UInt64?
        switch slot {
        case 0: (known, last.0) = (last.0, hash)
        case 1: (known, last.1) = (last.1, hash)
        case 2: (known, last.2) = (last.2, hash)
        default: (known, last.3) = (last.3, hash)
        }
        // Equal hashes set equal bits, so comparing hashes is as good as comparing prefixes.
        if known != hash { hashes.append(hash) }
    }

    /// All pages, without their hashes (the first eight bytes of each).
    func pages() -> (bytes: [UInt8], pageBytes: Int, count: Int) {
        guard !hashes.isEmpty else { return ([], 0, 0) }
        let needed = (hashes.count * bitsPerKey + 7) / 8
        let room = TableFormat.filterPageBytes - 8
        let count = (needed + room - 1) / room
        let pageBytes =
            count > 1
            ? TableFormat.filterPageBytes : max(TableFormat.minimumFilterPageBytes, (needed + 8 + 7) / 8 * 8)
        let bits = (pageBytes - 8) * 8
        var bytes = [UInt8](repeating: 0, count: count * pageBytes)
        let probes = self.probes
        for hash in hashes {
            let start = BloomFilter.page(of: hash, pages: count) * pageBytes + 8
            _ = BloomFilter.probe(hash, probes: probes, bits: bits) { bit in
                bytes[start + bit >> 3] |= 1 << UInt8(bit & 7)
                return true
            }
        }
        return (bytes, pageBytes, count)
    }
}

/// A checked page of a filter.
final class FilterPage: Sendable {
    private let bytes: [UInt8]
    var charge: Int { bytes.count }

    init(
        _ stored: UnsafeRawBufferPointer, at offset: UInt64, hash expected: UInt32, of table: TableFile
    ) throws(LogStoreError) {
        let hash = unsafe stored.littleEndian(UInt64.self, at: 0)
        guard unsafe table.hash(stored.slice(8..<stored.count), at: offset) == hash,
            UInt32(truncatingIfNeeded: hash) == expected
        else { throw table.corrupt(at: offset, "filter page hash") }
        bytes = unsafe Array(stored.slice(8..<stored.count))
    }

    func mightContain(_ hash: UInt64, probes: UInt8) -> Bool {
        BloomFilter.probe(hash, probes: probes, bits: bytes.count * 8) { bit in
            bytes[bit >> 3] >> UInt8(bit & 7) & 1 == 1
        }
    }
}
