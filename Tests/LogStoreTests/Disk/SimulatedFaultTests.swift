import LogStore
import TestSupport
import Testing

@Suite("Simulated faults")
struct SimulatedFaultTests {
    private func error(_ body: () throws -> Void) -> DiskError.Kind? {
        do {
            try body()
            return nil
        } catch {
            return (error as? DiskError)?.kind
        }
    }

    /// A durable file "a" that holds 1, 2, and handles for it; three operations and a directory sync are over.
    private func started() throws -> (SimulatedDisk, any DiskFile) {
        let disk = SimulatedDisk()
        let file = try disk.create("a")
        try file.append([1, 2])
        try file.sync(.logHeader)
        try disk.syncDirectory(.logDirectory)
        return (disk, file)
    }

    @Test func failsOnceOrFromThenOn() throws {
        let (disk, file) = try started()
        disk.failOperation(5, .error(.io))
        #expect(error { try file.append([3]) } == .io)
        #expect(error { try file.append([4]) } == nil)
        disk.failOperation(7, .error(.noSpace), .persistently)
        #expect(error { try file.append([5]) } == .noSpace)
        #expect(error { try file.sync(.logGroup) } == .noSpace)
        #expect(error { _ = try disk.create("b") } == .noSpace)
        #expect(error { try disk.unlink("a") } == .noSpace)
        #expect(error { try disk.syncDirectory(.logDirectory) } == .noSpace)
        #expect(error { try file.reserve(10) } == .noSpace)
        disk.clearFailures()
        #expect(error { try file.append([6]) } == nil)
        #expect(try file.readAll() == [1, 2, 4, 6])
    }

    @Test func failedAppendMayLeaveAPrefix() throws {
        let (disk, file) = try started()
        disk.failOperation(5, .partialAppend(bytes: 2, .io))
        #expect(error { try file.append([3, 4, 5]) } == .io)
        #expect(try file.readAll() == [1, 2, 3, 4])
        #expect(file.size == 4)
    }

    @Test func failedSyncThatKeepsTheCacheLosesThePages() throws {
        let (disk, file) = try started()
        try file.append([3, 4])
        disk.failOperation(6, .syncKeepsCache)
        #expect(error { try file.sync(.logGroup) } == .io)
        #expect(try file.readAll() == [1, 2, 3, 4], "the cache shows the new content")
        try file.append([5])
        #expect(error { try file.sync(.logGroup) } == nil, "the retry that must not be believed")
        #expect(disk.durableContents() == ["a": [1, 2, 0, 0, 5]])
        let cuts = disk.survivors().filter { $0.origin.contains("power cut") }
        #expect(!cuts.isEmpty && cuts.allSatisfy { $0.contents() == ["a": [1, 2, 0, 0, 5]] })
    }

    @Test func failedSyncThatReverts() throws {
        let (disk, file) = try started()
        try file.append([3, 4])
        disk.failOperation(6, .syncReverts)
        #expect(error { try file.sync(.logGroup) } == .io)
        #expect(try file.readAll() == [1, 2])
        #expect(disk.durableContents() == ["a": [1, 2]])
    }

    @Test func failedSyncThatIsReportedLater() throws {
        let (disk, file) = try started()
        try file.append([3, 4])
        disk.failOperation(6, .syncReportsLater)
        #expect(error { try file.sync(.logGroup) } == nil)
        #expect(disk.durableContents() == ["a": [1, 2]])
        try file.append([5])
        #expect(error { try file.sync(.logGroup) } == .io)
        #expect(error { try file.sync(.logGroup) } == nil)
        #expect(disk.durableContents() == ["a": [1, 2, 0, 0, 5]])
    }

    @Test func failedDirectorySyncLosesNames() throws {
        for failure in [OperationFailure.syncKeepsCache, .syncReverts, .syncReportsLater] {
            let (disk, _) = try started()
            _ = try disk.create("b")
            disk.failOperation(6, failure)
            let first = error { try disk.syncDirectory(.tableDirectory) }
            #expect((first == nil) == (failure == .syncReportsLater))
            #expect(disk.durableContents().keys.sorted() == ["a"])
            #expect(disk.contents().keys.sorted() == (failure == .syncReverts ? ["a"] : ["a", "b"]))
            let second = error { try disk.syncDirectory(.tableDirectory) }
            #expect((second == .io) == (failure == .syncReportsLater))
            #expect(disk.durableContents().keys.sorted() == ["a"], "no later sync carries the name")
        }
    }

    @Test func opensReadsAndListsFailByTheirOwnNumber() throws {
        let (disk, file) = try started()
        disk.failObservation(2)
        #expect(error { _ = try disk.open("a") } == nil)
        #expect(error { _ = try file.readAll() } == .io)
        #expect(error { _ = try disk.list() } == nil)
        disk.failObservation(4, .permission, .persistently)
        #expect(error { _ = try disk.list() } == .permission)
        #expect(error { _ = try disk.open("a") } == .permission)
        #expect(disk.operationCount == 4, "reads are not numbered with the writes")
        #expect(disk.observationCount == 5)
    }

    @Test(arguments: [
        (ReadFault.flippedBit(offset: 1, bit: 0), [UInt8]([10, 10, 12, 13])),
        (.zeroed(offset: 1, count: 2), [10, 0, 0, 13]),
        (.otherOffset(offset: 0, count: 2, source: 2), [12, 13, 12, 13]),
        (.otherFile(offset: 2, count: 9, name: "b"), [10, 11, 22, 0]),
        (.truncated(size: 3), [10, 11, 12]),
        (.replaced([1]), [1]),
    ])
    func readFaultChangesWhatReadsSee(_ fault: ReadFault, _ expected: [UInt8]) throws {
        let pristine: [String: [UInt8]] = ["a": [10, 11, 12, 13], "b": [20, 21, 22]]
        let disk = SimulatedDisk(contents: pristine)
        disk.addReadFault(fault, to: "a")
        let file = try disk.open("a")
        #expect(try file.readAll() == expected)
        #expect(try disk.list().first { $0.name == "a" }?.size == UInt64(expected.count))
        #expect(try disk.open("b").readAll() == [20, 21, 22])
        #expect(disk.contents() == pristine)
        disk.clearReadFaults()
        #expect(try file.readAll() == [10, 11, 12, 13])
    }

    @Test func shortReadsAndReadErrors() throws {
        let disk = SimulatedDisk(contents: ["a": [10, 11, 12, 13]])
        let file = try disk.open("a")
        disk.addReadFault(.shortRead(offset: 3), to: "a")
        #expect(try file.readAll() == [10, 11, 12])
        #expect(file.size == 4)
        disk.clearReadFaults()
        disk.addReadFault(.ioError(offset: 2, count: 1), to: "a")
        #expect(error { _ = try file.readAll() } == .io)
        #expect(try file.read(2) == [10, 11])
        #expect(try file.read(9, at: 3) == [13])
    }

    @Test func fullDiskWritesWhatFits() throws {
        let disk = SimulatedDisk(capacityBytes: 6)
        let file = try disk.create("a")
        try file.append([1, 2, 3, 4])
        #expect(try disk.space() == DiskSpace(freeBytes: 2, totalBytes: 6))
        #expect(error { try file.append([5, 6, 7]) } == .noSpace)
        #expect(try file.readAll() == [1, 2, 3, 4, 5, 6])
        #expect(try disk.space().freeBytes == 0)
        disk.capacityBytes = 7
        #expect(error { try file.append([7]) } == nil)
        try disk.unlink("a")
        #expect(try disk.space().freeBytes == 0, "an open file keeps its space")
        file.close()
        #expect(try disk.space().freeBytes == 7)
    }

    @Test func reservationsTakeSpaceUntilTheHandleCloses() throws {
        let disk = SimulatedDisk(capacityBytes: 10)
        let file = try disk.create("a")
        try file.reserve(8)
        #expect(file.size == 0)
        #expect(try disk.space().freeBytes == 2)
        let other = try disk.create("b")
        #expect(error { try other.reserve(3) } == .noSpace)
        try other.append([1, 1])
        #expect(error { try other.append([1]) } == .noSpace)
        try file.append([UInt8](repeating: 1, count: 8))
        #expect(error { try file.append([1]) } == .noSpace)
        try disk.create("c").reserve(0)
        file.close()
        #expect(try disk.space().freeBytes == 0)
        try disk.unlink("a")
        #expect(try disk.space().freeBytes == 8)
    }

    @Test func namesAndLockBehaveAsOnADisk() throws {
        let (disk, _) = try started()
        #expect(error { _ = try disk.create("a") } == .exists)
        #expect(error { _ = try disk.open("b") } == .notFound)
        #expect(error { try disk.unlink("b") } == .notFound)
        try disk.lock()
        #expect(error { try disk.lock() } == .locked)
        #expect(error { try disk.survivors(maximum: 1)[0].lock() } == nil, "a dead process holds no lock")
        disk.unlock()
        #expect(error { try disk.lock() } == nil)
    }

    @Test func countsAndHistory() throws {
        let (disk, file) = try started()
        _ = try file.readAll()
        _ = try disk.list()
        _ = try disk.open("a")
        #expect(disk.statistics[.create] == 1)
        #expect(disk.statistics[.append] == 1)
        #expect(disk.statistics.syncs == 2)
        #expect(disk.statistics.bytesAppended == 2)
        #expect(disk.statistics.reads == 1)
        #expect(disk.statistics.lists == 1)
        #expect(disk.statistics.opens == 1)
        #expect(
            disk.history.map(\.description) == [
                "create a", "append a 2 bytes", "sync a (logHeader)", "syncDirectory . (logDirectory)",
            ])
    }

    @Test func sabotageKeepsTheIdentity() throws {
        let (disk, file) = try started()
        disk.overwrite("a", with: [9])
        #expect(try file.readAll() == [9])
        #expect(try disk.open("a").identity == file.identity)
        #expect(disk.durableContents() == ["a": [9]])
        disk.overwrite("new", with: [1])
        disk.remove("a")
        #expect(disk.durableContents() == ["new": [1]])
    }

    @Test func hookSeesEveryOperationBeforeItHappens() async throws {
        let disk = SimulatedDisk()
        let seen = Recorder()
        disk.onOperation { number, operation in
            seen.add("\(number) \(operation) files \(disk.contents().count)")
        }
        let file = try disk.create("a")
        try file.append([1])
        disk.onOperation(nil)
        try file.append([2])
        #expect(seen.lines == ["1 create a files 0", "2 append a 1 bytes files 1"])
    }
}
