import Glibc
import LogStore
import TestSupport
import Testing

@testable import LogStore

/// What a store keeps in its directory beside the data, and what it leaves there.
@Suite("Store: housekeeping")
struct HousekeepingTests {
    private func text(_ s: String) -> [UInt8] { Array(s.utf8) }

    private func session(_ store: LogStore) throws -> SessionKey {
        var batch = Batch()
        _ = batch.createSession(id: "s", tenant: "t", user: "ann")
        return try store.commit(batch).sessions[0]
    }

    private func newestLog(_ disk: SimulatedDisk) throws -> DiskEntry {
        try #require(try disk.list().filter { $0.name.hasPrefix("w-") }.max { $0.name < $1.name })
    }

    @Test("After a clean close nothing is logged again; after a kill the last group is")
    func relogging() throws {
        let fixture = StoreFixture()
        var store = try fixture.open()
        _ = try session(store)
        try store.close()
        store = try fixture.open()
        #expect(try newestLog(fixture.disk).size == UInt64(LogFormat.headerBytes))
        #expect(try store.session(SessionKey(tenant: TenantOrdinal(1), user: 1, session: 1)) != nil)

        fixture.disk.unlock()
        store = try fixture.open()
        #expect(try newestLog(fixture.disk).size == UInt64(LogFormat.headerBytes))
        var batch = Batch()
        batch.append(text("x"), to: .existing(SessionKey(tenant: TenantOrdinal(1), user: 1, session: 1)))
        try store.commit(batch)
        fixture.disk.unlock()
        store = try fixture.open()
        #expect(try newestLog(fixture.disk).size == UInt64(LogFormat.headerBytes + LogFormat.alignment))
    }

    @Test("The reserve holds blocks while the store is open, and goes with it")
    func reserve() throws {
        let directory = TemporaryDirectory()
        let disk = try LiveDisk(path: directory.path)
        var options = StoreOptions()
        options.reserveBytes = 4 << 20
        options.softLimitBytes = 0
        let store = try LogStore.open(
            disk: disk, clock: LiveClock(), random: SystemRandom(), options: options, execution: .inline)
        _ = try session(store)
        var metadata = stat()
        #expect(stat(directory.path + "/reserve.bin", &metadata) == 0)
        #expect(metadata.st_blocks * 512 >= 4 << 20, "a reservation without blocks reserves nothing")
        try store.close()
        #expect(stat(directory.path + "/reserve.bin", &metadata) != 0)
    }

    @Test("Whoever asks for the store's condition learns of a full disk, and of room again, without a write")
    func conditionOfSpace() throws {
        var fixture = StoreFixture(disk: SimulatedDisk(capacityBytes: 64 << 20))
        fixture.options.softLimitBytes = 8 << 20
        fixture.options.softLimitPercent = 50
        let store = try fixture.open()
        _ = try session(store)
        #expect(store.condition.isAcceptingAppends)
        for _ in 0..<2 {
            let ballast = try fixture.disk.create("ballast")
            try ballast.reserve(58 << 20)
            fixture.clock.advance(microseconds: 1_100_000)
            #expect(!store.condition.isAcceptingAppends)
            #expect(!store.status.isAcceptingAppends)
            ballast.close()
            try fixture.disk.unlink("ballast")
            fixture.clock.advance(microseconds: 1_100_000)
            #expect(store.status.isAcceptingAppends)
            #expect(store.condition.isAcceptingAppends)
        }
    }

    @Test("The space of a log file is asked for at once, so that it can lie in one piece")
    func onePiece() throws {
        var fixture = StoreFixture()
        fixture.options.logReserveBytes = StoreOptions().logReserveBytes
        fixture.options.logFileBytes = 16 << 20
        let store = try fixture.open()
        let key = try session(store)
        for _ in 0..<80 {
            var batch = Batch()
            batch.append([UInt8](repeating: 7, count: 100_000), to: .existing(key))
            try store.commit(batch)
        }
        let log = try newestLog(fixture.disk)
        #expect(log.size > 8_000_000)
        let asked = fixture.disk.history.filter { $0.kind == .reserve && $0.file == log.name }
        #expect(asked.count == 1)
        #expect(asked[0].bytes <= fixture.options.logFileBytes + LogFormat.alignment, "no more than a file holds")
    }

    @Test("What a killed process reserved for its log is given back at the next opening")
    func killedReservations() throws {
        let directory = TemporaryDirectory()
        var options = StoreOptions()
        options.logReserveBytes = 8 << 20
        options.softLimitBytes = 0
        func allocated() throws -> [UInt64] {
            let names = try LiveDisk(path: directory.path).list().map(\.name).filter { $0.hasPrefix("w-") }.sorted()
            return names.map { name in
                var metadata = stat()
                #expect(stat("\(directory.path)/\(name)", &metadata) == 0)
                return UInt64(metadata.st_blocks) * 512
            }
        }
        for kill in 1...3 {
            let disk = try LiveDisk(path: directory.path)
            let store = try LogStore.open(
                disk: disk, clock: LiveClock(), random: SystemRandom(), options: options, execution: .inline)
            if kill == 1 { _ = try session(store) }
            let found = try allocated()
            #expect(found.count == kill)
            #expect(found.last! >= 8 << 20, "the newest has its reservation")
            #expect(found.dropLast().allSatisfy { $0 < 1 << 20 }, "\(found)")
            // Killed: nothing is closed, only the lock is gone.
            disk.unlock()
            withExtendedLifetime(store) {}
        }
    }

    @Test("A disk with no room for a whole reservation step still takes a small group")
    func lastBytes() throws {
        var fixture = StoreFixture(disk: SimulatedDisk(capacityBytes: 32 << 20))
        fixture.options.logReserveBytes = 1 << 20
        fixture.options.softLimitPercent = 0
        let store = try fixture.open()
        let key = try session(store)
        var taken = 0
        var failure: LogStoreError?
        while failure == nil {
            var batch = Batch()
            batch.append([UInt8](repeating: 7, count: 100_000), to: .existing(key))
            do throws(LogStoreError) { try store.commit(batch) } catch { failure = error }
            taken += failure == nil ? 1 : 0
        }
        guard case .full = failure else {
            Issue.record("\(failure!)")
            return
        }
        // 104 KiB a group, 315 in all: those of the last megabyte would be lost if each had to reserve a whole step.
        #expect(taken > 308)
        let free = try fixture.disk.space().freeBytes
        #expect(free < 256 << 10)
        if free >= 32 << 10 {
            var delete = Batch()
            delete.deleteSession(key)
            try store.commit(delete)
        }
    }

    @Test("Log files behind a cut are gone after the opening that accepted it")
    func cut() throws {
        var fixture = StoreFixture()
        fixture.options.logFileBytes = 16 << 10
        var store = try fixture.open()
        let key = try session(store)
        for _ in 0..<8 {
            var batch = Batch()
            batch.append([UInt8](repeating: 7, count: 6000), to: .existing(key))
            try store.commit(batch)
        }
        try store.close()
        let logs = try fixture.disk.list().map(\.name).filter { $0.hasPrefix("w-") }.sorted()
        #expect(logs.count >= 4)
        fixture.disk.addReadFault(.flippedBit(offset: LogFormat.headerBytes + 100, bit: 0), to: logs[1])
        #expect(throws: LogStoreError.self) { try fixture.open() }
        fixture.options.acceptPrefix = true
        store = try fixture.open()
        let after = try fixture.disk.list().map(\.name).filter { $0.hasPrefix("w-") }.sorted()
        #expect(after.count == 3 && after[0] == logs[0] && after[1] == logs[1])
        #expect(!after.contains(logs[2]))
        try store.close()
    }

    @Test("A position no LSN can have is refused")
    func position() throws {
        let store = try StoreFixture().open()
        var batch = Batch()
        batch.setPosition(of: "c", to: LSN(.max))
        #expect(throws: LogStoreError.invalid("a position beyond every LSN")) { try store.commit(batch) }
        #expect(store.status.statistics.refusedBatches == 0 && store.status.failure == nil)
    }

    @Test("A directory of something else is refused and stays as it is, lock file included")
    func foreign() throws {
        let directory = TemporaryDirectory()
        let disk = try LiveDisk(path: directory.path)
        try disk.create("notes.txt").append([1])
        #expect(throws: LogStoreError.self) {
            try LogStore.open(disk: disk, clock: LiveClock(), random: SystemRandom(), execution: .inline)
        }
        var metadata = stat()
        #expect(stat(directory.path + "/LOCK", &metadata) != 0 && stat(directory.path + "/FORMAT", &metadata) != 0)
    }
}
