/// What a table holds. The file format is the same.
package enum TableKind: UInt8, Hashable, Sendable, CaseIterable {
    /// Messages: `s-….seg`.
    case segment = 0x73
    /// Everything else that is looked up by key: `x-….run`.
    case index = 0x78

    fileprivate var prefix: String { self == .segment ? "s" : "x" }
    fileprivate var suffix: String { self == .segment ? ".seg" : ".run" }
}

/// The name of a table file: what it holds, which flush generations it covers, and an id that is never reused.
///
/// `s-<class>-<generationLow>-<generationHigh>-<id>.seg` (or `x-….run`), numbers in lower-case hexadecimal of fixed
/// width, so names sort by class, then generation. Ids are unique in the store across kinds: they seed the file's
/// checksums and name its blocks in the cache.
package struct TableName: Hashable, Sendable, CustomStringConvertible {
    package var kind: TableKind
    package var retentionClass: UInt8
    package var generationLow: UInt64
    package var generationHigh: UInt64
    package var id: UInt64

    package init(
        kind: TableKind, retentionClass: UInt8 = 0, generationLow: UInt64, generationHigh: UInt64, id: UInt64
    ) {
        self.kind = kind
        self.retentionClass = retentionClass
        self.generationLow = generationLow
        self.generationHigh = generationHigh
        self.id = id
    }

    /// The name a file of the directory spells, or nil if it is not exactly what `fileName` gives.
    package init?(fileName: String) {
        let bytes = Array(fileName.utf8)
        guard bytes.count == Self.fileNameBytes, let first = bytes.first, let kind = TableKind(rawValue: first),
            let retentionClass = Self.hexadecimal(bytes[2..<4]),
            let generationLow = Self.hexadecimal(bytes[5..<21]),
            let generationHigh = Self.hexadecimal(bytes[22..<38]),
            let id = Self.hexadecimal(bytes[39..<55])
        else { return nil }
        self.init(
            kind: kind, retentionClass: UInt8(truncatingIfNeeded: retentionClass), generationLow: generationLow,
            generationHigh: generationHigh, id: id)
        guard generationLow <= generationHigh, self.fileName == fileName else { return nil }
    }

    package var fileName: String {
        let fields = [
            kind.prefix, Self.hexadecimal(UInt64(retentionClass), width: 2), Self.hexadecimal(generationLow, width: 16),
            Self.hexadecimal(generationHigh, width: 16), Self.hexadecimal(id, width: 16),
        ]
        return fields.joined(separator: "-") + kind.suffix
    }

    package var description: String { fileName }

    private static let fileNameBytes = 1 + 1 + 2 + 1 + 16 + 1 + 16 + 1 + 16 + 4

    private static func hexadecimal(_ value: UInt64, width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: width - digits.utf8.count) + digits
    }

    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case 0x30...0x39: value = value << 4 | UInt64(digit - 0x30)
            case 0x61...0x66: value = value << 4 | UInt64(digit - 0x57)
            default: return nil
            }
        }
        return value
    }
}

/// XXH3-128 of the part of an immutable file that pins all the rest of it.
package struct FileHash: Hashable, Sendable, CustomStringConvertible {
    package var low: UInt64
    package var high: UInt64
    package init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }
    package var description: String { String(high, radix: 16) + "·" + String(low, radix: 16) }
}

/// What a table needs to know of the store it belongs to.
package struct TableContext: Hashable, Sendable {
    /// Made from the store's UUID; seeds every checksum.
    package var store: UInt64
    package init(store: UInt64) { self.store = store }
}
