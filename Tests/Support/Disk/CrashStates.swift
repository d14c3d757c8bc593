internal import LogStore
internal import Synchronization

/// Every directory that a crash could leave, in a fixed order, each made only when it is asked for.
///
/// What is pending is cut into units: one per sector of an un-synced append, one per un-synced creation or unlink, ordered
/// by issue. A power cut keeps a subset of the units:
/// 1. Up to 12 units: every subset. More: all, none, each one missing, each one alone, each prefix, each suffix, 64
///    seeded random ones, and the subsets of the name changes (all of them up to 6) with all bytes and with none.
///    Prefixes are what a file system with an ordered journal leaves; the other subsets are what POSIX allows.
/// 2. Each subset that lacks a sector comes in four fills, which say what is in place of it (`Fill`).
/// 3. Sizes: every unit survives, but one file ends at some byte between its durable and its present size.
/// 4. A killed process: the cache stays, and stays un-durable. The operation that did not return happened, or did not, or
///    by half.
///
/// Invariant: a sector is written in one piece, so where an append shares a sector with an earlier one, the later
/// sector's survival carries the earlier bytes.
package struct CrashStates: Sendable {
    /// What stands where a lost sector should be.
    package enum Fill: String, CaseIterable, Sendable {
        /// The file ends after its last surviving sector; holes before that read as zeros.
        case absent
        /// The size reached the disk, the bytes did not, and read as zeros.
        case zeros
        /// As before, with random bytes.
        case garbage
        /// As before, with what a file held that is gone, or another file or place holds.
        case stale
    }

    static let exhaustiveUnits = 12
    static let exhaustiveNames = 6
    static let randomSubsets = 64

    /// A sector, or the part of one that one append wrote; or a name change.
    struct Unit: Sendable {
        enum Kind: Sendable {
            case bytes(identity: UInt64, range: Range<Int>)
            case name(index: Int)
        }
        var kind: Kind
        var order: Int
    }

    /// Which units survive. Positions are places in `units`.
    enum Subset: Sendable {
        case mask(UInt64)
        case all
        case none
        case oneMissing(Int)
        case onlyOne(Int)
        case prefix(Int)
        case suffix(Int)
        case random(UInt64)
        /// Name changes by mask over `nameUnits`; bytes all or none.
        case names(UInt64, bytes: Bool)
    }

    enum State: Sendable {
        case powerCut(Subset, Fill)
        case size(identity: UInt64, Int)
        case kill(DirectoryImage, String)
    }

    let image: DirectoryImage
    let moment: SimulatedDisk.CrashMoment?
    let droppedBarriers: Set<Barrier>
    let capacityBytes: UInt64?
    let origin: String

    let units: [Unit]
    let byteUnits: [Int]
    let nameUnits: [Int]
    /// The subsets when there are too many units for all of them.
    private let chosen: [Subset]
    private let sizes: [(identity: UInt64, size: Int)]
    private let kills: [(image: DirectoryImage, name: String)]
    private let powerCuts: Int

    init(
        image: DirectoryImage, moment: SimulatedDisk.CrashMoment?, droppedBarriers: Set<Barrier>,
        capacityBytes: UInt64?, origin: String
    ) {
        self.image = image
        self.moment = moment
        self.droppedBarriers = droppedBarriers
        self.capacityBytes = capacityBytes
        self.origin = origin

        units = Self.units(of: image)
        (byteUnits, nameUnits) = Self.split(units)
        if units.count <= Self.exhaustiveUnits {
            chosen = []
            let byteStates = 1 + ((1 << byteUnits.count) - 1) * Fill.allCases.count
            powerCuts = (1 << nameUnits.count) * byteStates
        } else {
            chosen = Self.choose(units: units.count, names: nameUnits.count)
            powerCuts = chosen.count * Fill.allCases.count
        }
        sizes = Self.sizes(of: image)
        kills = Self.kills(image: image, moment: moment)
    }

    package var count: Int { powerCuts + sizes.count + kills.count }

    /// The directory after crash `index`, as a disk of its own.
    package subscript(index: Int) -> SimulatedDisk {
        precondition(index >= 0 && index < count)
        let state = state(index)
        var name = moment.map { "crash at \($0.operation), state \(index): " } ?? "crash, state \(index): "
        name += describe(state)
        return SimulatedDisk(
            image: materialize(state, seed: UInt64(index)), droppedBarriers: droppedBarriers,
            capacityBytes: capacityBytes, origin: origin == "new" ? name : "\(origin) / \(name)")
    }

    /// At most `maximum` states, rising: all when there are no more than that, else the killed process, the power cuts that
    /// keep nothing and everything, and a seeded choice of the others.
    package func indices(maximum: Int, seed: UInt64) -> [Int] {
        guard count > maximum else { return Array(0..<count) }
        var picked = Set<Int>()
        for index in essential where picked.count < maximum { picked.insert(index) }
        var generator = SplitMix64(seed: seed ^ UInt64(count) &* 0x9E37_79B9)
        while picked.count < maximum { picked.insert(Int.random(in: 0..<count, using: &generator)) }
        return picked.sorted()
    }

    /// The states no sample may leave out.
    private var essential: [Int] {
        let killed = Array(powerCuts + sizes.count..<count)
        guard chosen.isEmpty else {
            // `choose` begins with all and none; each has one index for each fill.
            return killed + [0] + Array(Fill.allCases.count..<2 * Fill.allCases.count)
        }
        let names = 1 << nameUnits.count
        // All; nothing; names without bytes in every fill; bytes without names.
        var states = [names - 1, 0]
        if !byteUnits.isEmpty {
            states.append(names)
            states += Fill.allCases.indices.map { names * (1 + $0) + names - 1 }
        }
        return killed + states
    }

    /// Index to state: name mask in the low digits, then bytes: all of them, or a fill and a mask.
    private func state(_ index: Int) -> State {
        if index >= powerCuts + sizes.count {
            let kill = kills[index - powerCuts - sizes.count]
            return .kill(kill.image, kill.name)
        }
        if index >= powerCuts {
            let cut = sizes[index - powerCuts]
            return .size(identity: cut.identity, cut.size)
        }
        let fills = Fill.allCases
        guard chosen.isEmpty else { return .powerCut(chosen[index / fills.count], fills[index % fills.count]) }
        let names = 1 << nameUnits.count
        let nameMask = index % names
        let rest = index / names
        let byteMask = rest == 0 ? (1 << byteUnits.count) - 1 : (rest - 1) / fills.count
        let fill = rest == 0 ? .absent : fills[(rest - 1) % fills.count]
        var mask: UInt64 = 0
        for (i, unit) in nameUnits.enumerated() where nameMask >> i & 1 == 1 { mask |= 1 << UInt64(unit) }
        for (i, unit) in byteUnits.enumerated() where byteMask >> i & 1 == 1 { mask |= 1 << UInt64(unit) }
        return .powerCut(.mask(mask), fill)
    }

    func survives(_ unit: Int, in subset: Subset) -> Bool {
        switch subset {
        case .mask(let mask): return mask >> UInt64(unit) & 1 == 1
        case .all: return true
        case .none: return false
        case .oneMissing(let missing): return unit != missing
        case .onlyOne(let one): return unit == one
        case .prefix(let end): return unit < end
        case .suffix(let start): return unit >= start
        case .random(let seed):
            var generator = SplitMix64(seed: seed &* 0x1_0000_0001 ^ UInt64(unit))
            return generator.next() & 1 == 1
        case .names(let mask, let bytes):
            guard case .name = units[unit].kind else { return bytes }
            return mask >> UInt64(nameUnits.firstIndex(of: unit)!) & 1 == 1
        }
    }

    private func describe(_ state: State) -> String {
        switch state {
        case .kill(_, let name): return name
        case .size(let identity, let size):
            let name = image.names.first { $0.value == identity }?.key ?? "unlinked file"
            return "power cut, \(name) ends at \(size)"
        case .powerCut(let subset, let fill):
            let kept: String =
                switch subset {
                case .mask(let mask):
                    "kept " + String((0..<units.count).map { mask >> UInt64($0) & 1 == 1 ? "1" : "0" })
                case .names(let mask, let bytes): "kept names \(String(mask, radix: 2)), bytes \(bytes)"
                case .all: "kept all"
                case .none: "kept none"
                default: "kept \(subset)"
                }
            return "power cut, \(kept) of \(units.count) units, else \(fill.rawValue)"
        }
    }
}

// MARK: - What there is to choose from

extension CrashStates {
    private static func units(of image: DirectoryImage) -> [Unit] {
        // Only files that a surviving name could refer to.
        let reachable = Set(image.durableNames.values)
            .union(image.pendingNames.filter { !$0.isUnlink }.map(\.identity))
        var units: [Unit] = []
        for identity in reachable.sorted() {
            for append in image.files[identity]?.pending ?? [] {
                var start = append.range.lowerBound
                while start < append.range.upperBound {
                    let sectorEnd = (start / SimulatedDisk.sectorBytes + 1) * SimulatedDisk.sectorBytes
                    let end = min(sectorEnd, append.range.upperBound)
                    units.append(Unit(kind: .bytes(identity: identity, range: start..<end), order: append.order))
                    start = end
                }
            }
        }
        for (index, change) in image.pendingNames.enumerated() {
            units.append(Unit(kind: .name(index: index), order: change.order))
        }
        // Stable among equals because the sectors of one append are already ascending.
        return units.enumerated().sorted { ($0.element.order, $0.offset) < ($1.element.order, $1.offset) }
            .map(\.element)
    }

    private static func split(_ units: [Unit]) -> (bytes: [Int], names: [Int]) {
        var result: (bytes: [Int], names: [Int]) = ([], [])
        for (index, unit) in units.enumerated() {
            switch unit.kind {
            case .bytes: result.bytes.append(index)
            case .name: result.names.append(index)
            }
        }
        return result
    }

    private static func choose(units: Int, names: Int) -> [Subset] {
        var subsets: [Subset] = [.all, .none]
        subsets += (0..<units).map { .oneMissing($0) }
        subsets += (0..<units).map { .onlyOne($0) }
        subsets += (1..<units).map { .prefix($0) }
        subsets += (1..<units).map { .suffix($0) }
        subsets += (0..<randomSubsets).map { .random(UInt64($0)) }
        let nameMasks: [UInt64]
        if names <= exhaustiveNames {
            nameMasks = Array(0..<1 << UInt64(names))
        } else {
            let all: UInt64 = names >= 64 ? .max : (1 << UInt64(names)) - 1
            let each = (0..<UInt64(min(names, 64))).map { UInt64(1) << $0 }
            nameMasks = [0, all] + each + each.map { all ^ $0 } + each.map { $0 - 1 } + each.map { all ^ ($0 - 1) }
        }
        if names > 0 {
            for mask in nameMasks { subsets += [.names(mask, bytes: true), .names(mask, bytes: false)] }
        }
        return subsets
    }

    /// Where a file may end: its first and last pending bytes, the starts of its appends, both sides of sector bounds, the
    /// middle, and four seeded places.
    private static func sizes(of image: DirectoryImage) -> [(identity: UInt64, size: Int)] {
        var result: [(identity: UInt64, size: Int)] = []
        var names = image.durableNames
        for change in image.pendingNames { change.apply(to: &names) }
        for identity in Set(names.values).sorted() {
            let file = image.files[identity]!
            let (low, high) = (file.durable.count, file.cache.count)
            // Without pending bytes what is above the durable ones was lost by a failed sync, whatever happens now.
            guard high > low + 1, !file.pending.isEmpty else { continue }
            let sector = SimulatedDisk.sectorBytes
            var ends: Set<Int> = [low + 1, high - 1, (low + high) / 2]
            for append in file.pending.prefix(4) { ends.insert(append.range.lowerBound) }
            for bound in [(low / sector + 1) * sector, (high - 1) / sector * sector] {
                ends.formUnion([bound - 1, bound, bound + 1])
            }
            var generator = SplitMix64(seed: identity ^ UInt64(high))
            for _ in 0..<4 { ends.insert(Int.random(in: low + 1..<high, using: &generator)) }
            result += ends.filter { $0 > low && $0 < high }.sorted().map { (identity, $0) }
        }
        return result
    }

    private static func kills(
        image: DirectoryImage, moment: SimulatedDisk.CrashMoment?
    ) -> [(image: DirectoryImage, name: String)] {
        guard let moment else { return [(image, "process killed")] }
        var kills = [(moment.before, "process killed before it")]
        if let half = moment.half, half != moment.before { kills.append((half, "process killed half-way through it")) }
        if moment.after != moment.before { kills.append((moment.after, "process killed after it")) }
        return kills
    }
}

// MARK: - Making a state

extension CrashStates {
    private func materialize(_ state: State, seed: UInt64) -> DirectoryImage {
        switch state {
        case .kill(let image, _):
            return image.afterProcessKill()
        case .size(let identity, let size):
            var result = materialize(.all, .absent, seed: seed)
            result.files[identity]!.cache.removeSubrange(size...)
            result.files[identity]!.durable = result.files[identity]!.cache
            return result
        case .powerCut(let subset, let fill):
            return materialize(subset, fill, seed: seed)
        }
    }

    private func materialize(_ subset: Subset, _ fill: Fill, seed: UInt64) -> DirectoryImage {
        var names = image.durableNames
        var kept: [UInt64: [Range<Int>]] = [:]
        var lost: [UInt64: [Range<Int>]] = [:]
        for (index, unit) in units.enumerated() {
            let survives = survives(index, in: subset)
            switch unit.kind {
            case .name(let change):
                if survives { image.pendingNames[change].apply(to: &names) }
            case .bytes(let identity, let range):
                if survives {
                    kept[identity, default: []].append(range)
                } else {
                    lost[identity, default: []].append(range)
                }
            }
        }
        var result = DirectoryImage()
        result.nextIdentity = image.nextIdentity
        result.nextOrder = image.nextOrder
        result.freedContents = image.freedContents
        result.names = names
        result.durableNames = names
        for identity in Set(names.values) {
            var file = FileImage(identity: identity)
            file.cache = bytes(
                of: image.files[identity]!, kept: kept[identity] ?? [], lost: lost[identity] ?? [], fill, seed: seed)
            file.durable = file.cache
            result.files[identity] = file
        }
        return result
    }

    private func bytes(
        of file: FileImage, kept: [Range<Int>], lost: [Range<Int>], _ fill: Fill, seed: UInt64
    ) -> [UInt8] {
        if kept.isEmpty && lost.isEmpty { return file.durable }
        let sector = SimulatedDisk.sectorBytes
        // The surviving sectors, with what earlier appends put into them.
        let sectors = Set(kept.map { $0.lowerBound / sector })
        let lost = lost.filter { range in
            !(sectors.contains(range.lowerBound / sector) && kept.contains { sharesSector($0, with: range) })
        }
        let size = fill == .absent ? max(file.durable.count, kept.map(\.upperBound).max() ?? 0) : file.cache.count
        var bytes = file.durable
        if size > bytes.count { bytes.append(contentsOf: repeatElement(0, count: size - bytes.count)) }
        let lostSet = Set(lost.map(\.lowerBound))
        for append in file.pending {
            var start = append.range.lowerBound
            while start < min(append.range.upperBound, size) {
                let end = min((start / sector + 1) * sector, append.range.upperBound)
                if lostSet.contains(start) {
                    if end <= size { replace(start..<end, in: &bytes, of: file, fill, seed: seed) }
                } else {
                    bytes.replaceSubrange(start..<end, with: file.cache[start..<end])
                }
                start = end
            }
        }
        return bytes
    }

    /// Whether `later`, of the same sector as `range`, was appended after it: it cannot have been written without it.
    private func sharesSector(_ later: Range<Int>, with range: Range<Int>) -> Bool {
        later.lowerBound / SimulatedDisk.sectorBytes == range.lowerBound / SimulatedDisk.sectorBytes
            && later.lowerBound > range.lowerBound
    }

    private func replace(
        _ range: Range<Int>, in bytes: inout [UInt8], of file: FileImage, _ fill: Fill, seed: UInt64
    ) {
        switch fill {
        case .absent, .zeros:
            break
        case .garbage:
            var generator = SplitMix64(seed: seed ^ file.identity << 32 ^ UInt64(range.lowerBound))
            for i in range { bytes[i] = UInt8(truncatingIfNeeded: generator.next()) }
        case .stale:
            // One source a state, so that a frame of several sectors can come back whole.
            var sources = image.freedContents
            for identity in image.files.keys.sorted() where identity != file.identity {
                if !image.files[identity]!.cache.isEmpty { sources.append(image.files[identity]!.cache) }
            }
            let choice = Int(seed / UInt64(Fill.allCases.count)) % (sources.count + 1)
            if choice < sources.count {
                let source = sources[choice]
                for i in range where i < source.count { bytes[i] = source[i] }
            } else {
                // The same file, some pages earlier: an intact piece at the wrong place.
                let page = 4096
                let shift = min((range.lowerBound / page), 1 + Int(seed % 3)) * page
                if shift > 0 { for i in range { bytes[i] = file.cache[i - shift] } }
            }
        }
    }
}

// MARK: - Asking for them

extension SimulatedDisk {
    /// What a crash at the crash point, or now if there was none, could leave. The disk itself does not change.
    package func crashStates() -> CrashStates {
        state.withLock { state in
            CrashStates(
                image: state.crash?.after ?? state.image, moment: state.crash, droppedBarriers: state.droppedBarriers,
                capacityBytes: state.capacityBytes, origin: origin)
        }
    }

    /// At most `maximum` of `crashStates()`; see `CrashStates.indices(maximum:seed:)`.
    package func survivors(maximum: Int = .max, seed: UInt64 = 0) -> [SimulatedDisk] {
        let states = crashStates()
        return states.indices(maximum: maximum, seed: seed).map { states[$0] }
    }
}
