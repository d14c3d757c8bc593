import LogStore
import Synchronization
import TestSupport
import Testing

@Suite("Simulated disk")
struct SimulatedDiskTests {
    @Suite("Persistence model")
    struct Persistence {
        /// Creates `name`, syncs file and directory, so that only what follows is pending.
        private func durableFile(
            _ disk: SimulatedDisk, _ name: String = "a", _ bytes: [UInt8] = []
        ) throws -> any DiskFile {
            let file = try disk.create(name)
            if !bytes.isEmpty { try file.append(bytes) }
            try file.sync(.logHeader)
            try disk.syncDirectory(.logDirectory)
            return file
        }

        @Test func readsSeeUnsyncedBytes() throws {
            let disk = SimulatedDisk()
            let file = try disk.create("a")
            try file.append([1, 2, 3])
            try file.append([4])
            #expect(try file.readAll() == [1, 2, 3, 4])
            #expect(try disk.open("a").readAll() == [1, 2, 3, 4])
            #expect(file.size == 4)
            #expect(disk.durableContents() == [:])
        }

        @Test func unsyncedBytesCanVanishAndSyncedBytesCannot() throws {
            let disk = SimulatedDisk()
            let file = try durableFile(disk, "a", [7, 7])
            try file.append([UInt8](repeating: 9, count: 512))
            let outcomes = Set(disk.survivors().map { $0.contents()["a"] })
            #expect(outcomes.contains([7, 7]))
            #expect(outcomes.contains([7, 7] + [UInt8](repeating: 9, count: 512)))
            #expect(outcomes.allSatisfy { $0?.prefix(2) == [7, 7] })
            try file.sync(.logGroup)
            #expect(
                Set(disk.survivors().map { $0.contents()["a"] }) == [[7, 7] + [UInt8](repeating: 9, count: 512)])
        }

        @Test func syncedFileWithoutDirectorySyncCanVanish() throws {
            let disk = SimulatedDisk()
            let file = try disk.create("a")
            try file.append([1])
            try file.sync(.logHeader)
            #expect(Set(disk.survivors().map { $0.contents() }) == [[:], ["a": [1]]])
            try disk.syncDirectory(.logDirectory)
            #expect(Set(disk.survivors().map { $0.contents() }) == [["a": [1]]])
        }

        @Test func directorySyncDoesNotCoverBytes() throws {
            let disk = SimulatedDisk()
            let file = try disk.create("a")
            try file.append([1])
            try disk.syncDirectory(.logDirectory)
            #expect(Set(disk.survivors().compactMap { $0.contents()["a"] }).isSuperset(of: [[], [0], [1]]))
        }

        @Test func unlinkCanComeBackUntilTheDirectoryIsSynced() throws {
            let disk = SimulatedDisk()
            let file = try durableFile(disk, "a", [5])
            try disk.unlink("a")
            #expect(try file.readAll() == [5], "an open handle goes on reading")
            #expect(try disk.list() == [])
            #expect(Set(disk.survivors().map { $0.contents() }) == [[:], ["a": [5]]])
            try disk.syncDirectory(.manifestDirectory)
            #expect(Set(disk.survivors().map { $0.contents() }) == [[:]])
        }

        @Test func nameChangesSurviveAsAnySubset() throws {
            let disk = SimulatedDisk()
            for name in ["a", "b", "c"] { try disk.create(name).sync(.tableFile) }
            let outcomes = Set(disk.survivors().map { Set($0.contents().keys) })
            #expect(outcomes.count == 8)
        }

        @Test func sectorsSurviveAsAnySubsetInEveryFill() throws {
            let disk = SimulatedDisk(contents: ["old": [UInt8](repeating: 0xEE, count: 4096)])
            let file = try durableFile(disk)
            try file.append((0..<3).flatMap { [UInt8](repeating: UInt8($0 + 1), count: 512) })
            let outcomes = Set(disk.survivors().compactMap { $0.contents()["a"] })
            func sector(_ bytes: [UInt8], _ index: Int) -> [UInt8]? {
                bytes.count >= (index + 1) * 512 ? Array(bytes[index * 512..<(index + 1) * 512]) : nil
            }
            for mask in 0..<8 {
                let matching = outcomes.filter { bytes in
                    (0..<3).allSatisfy { i in
                        (sector(bytes, i) == [UInt8](repeating: UInt8(i + 1), count: 512)) == (mask >> i & 1 == 1)
                    }
                }
                #expect(!matching.isEmpty, "subset \(mask)")
            }
            // The four things that can stand in for the middle sector.
            let middle = Set(
                outcomes.filter { sector($0, 0)?.first == 1 && sector($0, 2)?.first == 3 }.compactMap { sector($0, 1) })
            #expect(middle.contains([UInt8](repeating: 0, count: 512)))
            #expect(middle.contains([UInt8](repeating: 0xEE, count: 512)), "stale content of another file")
            #expect(middle.contains { Set($0).count > 64 }, "garbage")
            #expect(outcomes.contains([]), "absent")
            #expect(outcomes.contains { $0.count % 512 != 0 }, "a size between")
        }

        @Test func laterBytesOfASectorCarryTheEarlierOnes() throws {
            let disk = SimulatedDisk()
            let file = try durableFile(disk)
            try file.append([1, 1])
            try file.append([2, 2])
            for state in disk.survivors() {
                let bytes = try #require(state.contents()["a"])
                if bytes.count == 4, bytes.suffix(2) == [2, 2] { #expect(bytes == [1, 1, 2, 2], "\(state.origin)") }
            }
        }

        @Test func manyUnitsAreSampledInNamedShapes() throws {
            let disk = SimulatedDisk()
            let file = try durableFile(disk)
            try file.append([UInt8](repeating: 1, count: 20 * 512))
            _ = try disk.create("b")
            let states = disk.crashStates()
            #expect(states.count > 4 * (2 + 4 * 20 + 64))
            #expect(states.count < 4096)
            let kept = Set(
                disk.survivors().compactMap { $0.contents()["a"] }.map { bytes in
                    (0..<20).filter { $0 * 512 < bytes.count && bytes[$0 * 512] == 1 }
                })
            #expect(kept.contains([]))
            #expect(kept.contains(Array(0..<20)))
            for i in 0..<20 {
                #expect(kept.contains([i]), "only sector \(i)")
                #expect(kept.contains((0..<20).filter { $0 != i }), "all but sector \(i)")
                #expect(kept.contains(Array(0..<i)), "prefix of \(i)")
                #expect(kept.contains(Array(i..<20)), "suffix from \(i)")
            }
            #expect(kept.count > 4 * 20 + 32, "random subsets")
            let names = Set(disk.survivors().map { $0.contents()["b"] != nil })
            #expect(names == [true, false])
        }

        @Test func killedProcessKeepsTheCacheUndurable() throws {
            let disk = SimulatedDisk()
            let file = try disk.create("a")
            try file.append([1, 2])
            let states = disk.crashStates()
            let killed = states[states.count - 1]
            #expect(killed.origin.contains("process killed"))
            #expect(killed.contents() == ["a": [1, 2]])
            #expect(killed.durableContents() == [:])
            #expect(Set(killed.survivors().map { $0.contents() }).contains([:]), "a power cut after the kill")
            let reopened = try killed.open("a")
            try reopened.sync(.openLog)
            try killed.syncDirectory(.tableDirectory)
            #expect(Set(killed.survivors().map { $0.contents() }) == [["a": [1, 2]]])
        }

        @Test func identitiesSurviveACrashAndNotACopy() throws {
            let disk = SimulatedDisk()
            let identity = try durableFile(disk, "a", [1]).identity
            for state in disk.survivors() { #expect(try state.open("a").identity == identity) }
            #expect(try disk.snapshot().open("a").identity == identity)
            let copy = disk.copied()
            #expect(copy.contents() == disk.contents())
            #expect(try copy.open("a").identity != identity)
            #expect(try copy.copied().open("a").identity != copy.open("a").identity)
        }
    }

    @Suite("Crash points")
    struct Crashes {
        /// Six operations: create, append, sync, syncDirectory, append, unlink.
        private func scenario(_ disk: SimulatedDisk) throws(DiskError) {
            let file = try disk.create("a")
            try file.append([1, 2, 3, 4])
            try file.sync(.logHeader)
            try disk.syncDirectory(.logDirectory)
            try file.append([5, 6])
            try disk.unlink("a")
        }

        @Test func everyOperationCanCrashAndNothingWorksAfterwards() throws {
            let whole = SimulatedDisk()
            try scenario(whole)
            #expect(whole.operationCount == 6)
            for k in 1...6 {
                let disk = SimulatedDisk()
                disk.crash(at: k)
                #expect(throws: DiskError.self) { try scenario(disk) }
                #expect(disk.hasCrashed)
                #expect(disk.operationCount == k)
                #expect(throws: DiskError.self) { try disk.list() }
                #expect(throws: DiskError.self) { try disk.create("later") }
                #expect(throws: DiskError.self) { try disk.space() }
                let states = disk.survivors().map { $0.contents() }
                if k <= 4 { #expect(states.contains([:]), "before its name is durable") }
                if k > 4 { #expect(states.allSatisfy { $0["a"]?.starts(with: [1, 2, 3, 4]) ?? (k == 6) }) }
            }
        }

        @Test func crashedAppendHappensNotHalfOrWhole() throws {
            let disk = SimulatedDisk()
            disk.crash(at: 5)
            #expect(throws: DiskError.self) { try scenario(disk) }
            let killed = disk.survivors().filter { $0.origin.contains("killed") }.compactMap { $0.contents()["a"] }
            #expect(killed == [[1, 2, 3, 4], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6]])
        }

        @Test func crashedUnlinkHappensOrNot() throws {
            let disk = SimulatedDisk()
            disk.crash(at: 6)
            #expect(throws: DiskError.self) { try scenario(disk) }
            let killed = disk.survivors().filter { $0.origin.contains("killed") }.map { Set($0.contents().keys) }
            #expect(killed == [["a"], []])
        }

        @Test func survivorsCrashAgainAndTellTheirHistory() throws {
            let disk = SimulatedDisk()
            disk.crash(at: 5)
            #expect(throws: DiskError.self) { try scenario(disk) }
            var states = 0
            for second in disk.survivors(maximum: 6, seed: 1) {
                second.crash(at: 2)
                let file = try second.create("b")
                #expect(throws: DiskError.self) { try file.append([9]) }
                for third in second.survivors(maximum: 6, seed: 2) {
                    third.crash(at: 1)
                    #expect(throws: DiskError.self) { try third.unlink("a") }
                    for last in third.survivors() {
                        #expect(last.origin.split(separator: "/").count == 3)
                        #expect(last.contents()["a"].map { $0.starts(with: [1, 2, 3, 4]) } ?? true)
                        states += 1
                    }
                }
            }
            #expect(states >= 36)
        }

        @Test func sameSeedSameStates() throws {
            func run(_ seed: UInt64) throws -> [String] {
                let disk = SimulatedDisk()
                disk.crash(at: 4)
                let file = try disk.create("a")
                try file.append([UInt8](repeating: 1, count: 30 * 512))
                _ = try disk.create("b")
                #expect(throws: DiskError.self) { try file.append([UInt8](repeating: 2, count: 700)) }
                return disk.survivors(maximum: 40, seed: seed).map { state in
                    "\(state.origin) \(state.contents().sorted { $0.key < $1.key })"
                }
            }
            let first = try run(3)
            #expect(first.count == 40)
            #expect(try run(3) == first)
            #expect(try run(4) != first)
        }

        @Test func samplesHoldTheExtremes() throws {
            for sectors in [2, 40] {
                let disk = SimulatedDisk()
                let file = try disk.create("a")
                try file.append([UInt8](repeating: 1, count: sectors * 512))
                let full = [UInt8](repeating: 1, count: sectors * 512)
                let states = disk.survivors(maximum: 12, seed: 9)
                #expect(states.count == 12)
                #expect(states.contains { $0.contents() == [:] })
                #expect(states.contains { $0.contents() == ["a": full] && $0.origin.contains("power cut") })
                #expect(states.contains { $0.origin.contains("killed") })
            }
        }

        @Test func droppedBarrierPersistsNothing() throws {
            let disk = SimulatedDisk()
            disk.droppedBarriers = [.logHeader]
            let file = try disk.create("a")
            try file.append([1])
            try file.sync(.logHeader)
            try disk.syncDirectory(.logDirectory)
            #expect(disk.durableContents() == ["a": []])
            #expect(disk.survivors().allSatisfy { $0.droppedBarriers == [.logHeader] })
            try file.sync(.logGroup)
            #expect(disk.durableContents() == ["a": [1]])
            #expect(disk.statistics.barriers == [.logHeader: 1, .logDirectory: 1, .logGroup: 1])
        }
    }
}

extension DiskFile {
    func append(_ bytes: [UInt8]) throws(DiskError) {
        do {
            try bytes.withUnsafeBytes { try append($0) }
        } catch let error as DiskError {
            throw error
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// `count` bytes from `offset`, or as many as there are.
    func read(_ count: Int, at offset: UInt64 = 0) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
    }

    func readAll() throws -> [UInt8] { try read(Int(size)) }
}
