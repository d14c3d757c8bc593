import LogStore

/// Knows where every part of a table file is, from docs/format.md alone, and can make every hash right again after
/// bytes were changed: what a decoder then sees is a hostile file, not a damaged one.
struct TableForgery {
    struct Part {
        var range: Range<Int>
        /// Where the parent keeps 32 bits of the part's hash.
        var parentHash: Int
    }

    let pristine: [UInt8]
    private let store: UInt64
    private let id: UInt64
    private(set) var blocks: [Part] = []
    private(set) var filterPages: [Part] = []
    private(set) var indexPages: [Part] = []
    private(set) var topIndex = 0..<0
    private(set) var properties = 0..<0
    let footer: Int

    init(_ fixture: TableFixture) {
        pristine = fixture.disk[fixture.summary.name.fileName]!
        store = TableFixture.context.store
        id = fixture.summary.name.id
        footer = pristine.count - 64
        let filterStart = Int(number(8, at: footer + 8))
        let indexStart = Int(number(8, at: footer + 16))
        let topStart = Int(number(8, at: footer + 24))
        topIndex = topStart..<topStart + Int(number(4, at: footer + 4))
        let pages = Int(number(4, at: footer + 32))
        let pageBytes = pages == 0 ? 0 : (indexStart - filterStart) / pages
        for page in 0..<pages {
            let start = filterStart + page * pageBytes
            filterPages.append(Part(range: start..<start + pageBytes, parentHash: topIndex.upperBound + page * 4))
        }
        properties = topIndex.upperBound + pages * 4..<footer
        indexPages = children(of: topIndex)
        blocks = indexPages.flatMap { children(of: $0.range) }
    }

    /// Makes every hash of `bytes` right, children first. Places are those of the pristine file.
    func reseal(_ bytes: inout [UInt8]) {
        put(hash(bytes, 0..<56, at: 0), 8, into: &bytes, at: 56)
        for part in blocks + filterPages + indexPages {
            sealFirst(&bytes, part.range)
            put(number(4, at: part.range.lowerBound, in: bytes), 4, into: &bytes, at: part.parentHash)
        }
        sealFirst(&bytes, topIndex)
        put(hash(bytes, topIndex.lowerBound..<footer, at: topIndex.lowerBound), 8, into: &bytes, at: footer + 40)
        put(number(8, at: 56, in: bytes), 8, into: &bytes, at: footer + 48)
        put(hash(bytes, footer..<footer + 56, at: footer), 8, into: &bytes, at: footer + 56)
    }

    func number(_ width: Int, at offset: Int) -> UInt64 { number(width, at: offset, in: pristine) }

    private func number(_ width: Int, at offset: Int, in bytes: [UInt8]) -> UInt64 {
        (0..<width).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }

    private func put(_ value: UInt64, _ width: Int, into bytes: inout [UInt8], at offset: Int) {
        for i in 0..<width { bytes[offset + i] = UInt8(truncatingIfNeeded: value >> UInt64(8 * i)) }
    }

    private func sealFirst(_ bytes: inout [UInt8], _ range: Range<Int>) {
        let covered = range.lowerBound + 8..<range.upperBound
        put(hash(bytes, covered, at: range.lowerBound), 8, into: &bytes, at: range.lowerBound)
    }

    private func hash(_ bytes: [UInt8], _ range: Range<Int>, at offset: Int) -> UInt64 {
        let seed = Checksum.seed(store: store, file: id, offset: UInt64(offset))
        return Array(bytes[range]).withUnsafeBytes { Checksum.xxh3($0, seed: seed) }
    }

    private func children(of page: Range<Int>) -> [Part] {
        var at = page.lowerBound + 32
        var next = Int(number(8, at: page.lowerBound + 16))
        var parts: [Part] = []
        func varint() -> Int {
            var value = 0
            var shift = 0
            while pristine[at] >= 0x80 {
                value |= Int(pristine[at] & 0x7F) << shift
                shift += 7
                at += 1
            }
            value |= Int(pristine[at]) << shift
            at += 1
            return value
        }
        for _ in 0..<number(4, at: page.lowerBound + 12) {
            _ = varint()
            at += varint()
            let length = varint()
            parts.append(Part(range: next..<next + length, parentHash: at))
            next += length
            at += 4
            _ = varint()
        }
        return parts
    }
}
