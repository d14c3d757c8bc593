import LogStore
import TestSupport
import Testing

@testable import LogStore

@Suite("Backup: restore")
struct RestoreTests {
    private static let seeds: [UInt64] = isTorture ? Array(1...3000) : Array(1...25)

    /// Copies what a plan names, as the tool does.
    private static func copy(_ plan: RestorePlan, backup: SimulatedDisk, log: SimulatedDisk? = nil) -> SimulatedDisk {
        var contents: [String: [UInt8]] = [:]
        for file in plan.files {
            contents[file.name] = (file.source == .backup ? backup : log!).contents()[file.name]
        }
        return SimulatedDisk(contents: contents).copied()
    }

    private func open(_ disk: SimulatedDisk, _ life: SimulatedLife) throws -> LogStore {
        try LogStore.open(
            disk: disk, clock: life.clock, random: SplitMix64Random(seed: 5), options: life.options,
            execution: .inline)
    }

    /// The model after erasing again what was erased behind `target`, and the batch that finishes it.
    private func expected(_ life: SimulatedLife, _ target: Int, _ ledger: [ErasureRecord], _ store: LogStore)
        -> StoreModel
    {
        var model = life.models[target]
        let now = life.clock.now().microseconds
        for record in ledger {
            let change: StoreModel.Operation
            switch record.subject {
            case .session(let key):
                guard let session = model.sessions[key] else { continue }
                change = .eraseSession(session.path)
            case .user(let key):
                guard let path = model.users.first(where: { $0.value == key })?.key else { continue }
                change = .eraseUser(path)
            case .tenant: continue
            }
            _ = model.apply(.init(operations: [change]), now: now)
        }
        if model.lsn < store.status.visibleLSN.rawValue { model.applyOwnBatch(now: now) }
        return model
    }

    @Test("A restore stands exactly at its target, with later erasures applied again")
    func everyTarget() throws {
        var restored = 0
        var erased = 0
        var tooOld = 0
        for seed in Self.seeds {
            let life = try SimulatedLife(seed: seed, graceSeconds: 1_000_000, stepSeconds: 2)
            for _ in 0..<90 { try life.step() }
            try life.store.close()
            let backup = life.disk.copied()
            let before = backup.contents()
            let ledger = try ErasureLedger.read(backup)
            var random = SplitMix64(seed: seed)
            for _ in 0..<4 {
                let target = Int.random(in: 0...Int(life.acknowledged), using: &random)
                let time = Timestamp(microseconds: life.models[target].lastTime)
                let wanted: RestoreTarget = Bool.random(using: &random) ? .lsn(LSN(UInt64(target))) : .time(time)
                let plan: RestorePlan
                do throws(RestoreError) {
                    plan = try RestorePlan.make(backup: backup, target: wanted)
                } catch {
                    guard case .targetTooOld(let oldest, _) = error else {
                        Issue.record("seed \(seed), \(wanted): \(error)")
                        continue
                    }
                    #expect(oldest.rawValue > UInt64(target))
                    tooOld += 1
                    continue
                }
                #expect(plan.lsn.rawValue == UInt64(target), "seed \(seed)")
                #expect(plan.hasMore == (target < Int(life.acknowledged)), "seed \(seed)")
                let disk = Self.copy(plan, backup: backup)
                let summary = try StoreRestorer.restore(
                    disk: disk, clock: life.clock, random: SplitMix64Random(seed: 3), target: wanted,
                    erasures: ledger, options: life.options)
                #expect(summary.lsn == plan.lsn && summary.erasures.held.isEmpty)
                erased += summary.erasures.erased
                #expect(try StoreVerifier.verify(disk: disk).findings.isEmpty, "seed \(seed), \(wanted)")
                let store = try open(disk, life)
                let model = expected(life, target, ledger, store)
                if let difference = model.difference(from: store) {
                    Issue.record("seed \(seed), \(wanted): \(difference)")
                }
                var batch = Batch()
                _ = batch.createSession(id: "after", tenant: "t", user: "ann")
                #expect(try store.commit(batch).lsn.rawValue == model.lsn + 1)
                try store.close()
                restored += 1
            }
            #expect(backup.contents() == before, "a restore changed the backup")
        }
        print("restores: \(restored) at a target, \(erased) subjects erased again, \(tooOld) targets out of reach")
        #expect(restored > Self.seeds.count * 2 && erased > 0)
    }

    @Test("More of the log from a directory that lived on")
    func laterLog() throws {
        let life = try SimulatedLife(seed: 11, graceSeconds: 1_000_000, stepSeconds: 1) {
            $0.logRetentionSeconds = 1_000_000
        }
        for _ in 0..<40 { try life.step() }
        let backup = life.disk.copied()
        let reached = life.acknowledged
        for _ in 0..<60 { try life.step() }
        let target = reached + (life.acknowledged - reached) / 2
        #expect(target > reached)
        #expect(throws: RestoreError.self) {
            try RestorePlan.make(backup: backup, target: .lsn(LSN(target)))
        }
        let live = life.disk.copied()
        let plan = try RestorePlan.make(backup: backup, log: live, target: .lsn(LSN(target)))
        #expect(plan.files.contains { $0.source == .log })
        let disk = Self.copy(plan, backup: backup, log: live)
        _ = try StoreRestorer.restore(
            disk: disk, clock: life.clock, random: SplitMix64Random(seed: 3), target: .lsn(LSN(target)),
            options: life.options)
        let store = try open(disk, life)
        #expect(life.models[Int(target)].difference(from: store) == nil)
        try store.close()
        let other = try SimulatedLife(seed: 12, graceSeconds: 1, stepSeconds: 1)
        #expect(throws: RestoreError.self) {
            try RestorePlan.make(backup: backup, log: other.disk, target: .newest)
        }
    }

    @Test("An erased subject's number is believed only with its name; a hold of the past is told")
    func ledger() throws {
        let fixture = StoreFixture()
        let store = try fixture.open()
        var batch = Batch()
        let canary = "q8Zr4vNw1LxYb7TkGm2PdJc9"
        let ann = batch.createSession(id: "a", tenant: "t", user: "ann")
        batch.append(Array(canary.utf8), to: ann)
        let bob = batch.createSession(id: "b", tenant: "t", user: "bob")
        batch.append(Array("held".utf8), to: bob)
        let keys = try store.commit(batch).sessions
        var hold = Batch()
        hold.setHold(.session(keys[1]), true)
        try store.commit(hold)
        let target = store.status.visibleLSN
        try store.close()
        let backup = fixture.disk.copied()

        func record(_ key: SessionKey, _ name: String) -> ErasureRecord {
            ErasureRecord(
                subject: .session(key), nameHash: IndexKey.hash(name), orderedAt: fixture.clock.now(), sessions: 1,
                entries: 1)
        }
        let absent = SessionKey(tenant: keys[0].tenant, user: keys[0].user, session: 99)
        let plan = try RestorePlan.make(backup: backup, target: .lsn(target))
        let disk = Self.copy(plan, backup: backup)
        let summary = try StoreRestorer.restore(
            disk: disk, clock: fixture.clock, random: fixture.random, target: .lsn(target),
            erasures: [record(keys[0], "a"), record(keys[1], "b"), record(absent, "c"), record(keys[1], "other")],
            options: fixture.options)
        #expect(summary.erasures.erased == 1 && summary.erasures.absent == 2)
        #expect(summary.erasures.held.map(\.subject) == [.session(keys[1])])
        #expect(backup.holders(of: canary).isEmpty == false)
        #expect(disk.holders(of: canary).isEmpty)
        #expect(try ErasureLedger.read(disk).map(\.subject) == [.session(keys[0])])
    }

    @Test("A crash during a restore leaves a directory that is refused, the whole backup, or the restored store")
    func crashes() throws {
        let life = try SimulatedLife(seed: 21, graceSeconds: 1_000_000, stepSeconds: 1)
        for _ in 0..<60 { try life.step() }
        try life.store.close()
        let backup = life.disk.copied()
        let newest = life.acknowledged
        let target = newest - 7
        let plan = try RestorePlan.make(backup: backup, target: .lsn(LSN(target)))
        func restore(_ disk: SimulatedDisk) throws {
            _ = try StoreRestorer.restore(
                disk: disk, clock: life.clock, random: SplitMix64Random(seed: 3), target: .lsn(LSN(target)),
                options: life.options)
        }
        let whole = Self.copy(plan, backup: backup)
        try restore(whole)
        var states = 0
        var refused = 0
        for point in 1...whole.operationCount {
            let disk = Self.copy(plan, backup: backup)
            disk.crash(at: point)
            #expect(throws: LogStoreError.self) { try restore(disk) }
            for survivor in disk.survivors(maximum: isTorture ? 200 : 6, seed: UInt64(point)) {
                states += 1
                let store: LogStore
                do throws(LogStoreError) {
                    store = try LogStore.open(
                        disk: survivor, clock: life.clock, random: SplitMix64Random(seed: 5), options: life.options,
                        execution: .inline)
                } catch {
                    refused += 1
                    continue
                }
                let lsn = store.status.visibleLSN.rawValue
                let isWhole = lsn >= target && lsn <= newest
                #expect(isWhole, "crash at \(point): LSN \(lsn)")
                // The restored store may have finished an erasure, with a batch of its own.
                var finished = life.models[Int(target)]
                finished.applyOwnBatch(now: Scenario.now)
                if lsn == finished.lsn, finished.difference(from: store) == nil { continue }
                if isWhole, let difference = life.models[Int(lsn)].difference(from: store) {
                    Issue.record("crash at \(point), LSN \(lsn): \(difference)")
                }
            }
        }
        print("restore crashes: \(whole.operationCount) points, \(states) states, \(refused) refused")
        #expect(states > 50)
    }

    @Test("A damaged or missing file is named")
    func damage() throws {
        let life = try SimulatedLife(seed: 31, graceSeconds: 1_000_000, stepSeconds: 1)
        for _ in 0..<60 { try life.step() }
        try life.store.flush()
        try life.store.close()
        let backup = life.disk.copied()
        let manifests = try BackupInventory.read(backup).manifests
        let table = try #require(try BackupInventory.read(backup).tables.last).name
        // One manifest left, so that none can stand in.
        for name in manifests.dropLast() { backup.remove(name) }
        let bytes = try #require(backup.contents()[table])
        backup.remove(table)
        #expect(throws: RestoreError.store(.corrupt(file: table, offset: 0, detail: "the file is missing"))) {
            try RestorePlan.make(backup: backup, target: .newest)
        }
        #expect(throws: LogStoreError.self) { try BackupInventory.check(backup) }
        var damaged = bytes
        damaged[100] ^= 1
        backup.overwrite(table, with: damaged)
        do throws(RestoreError) {
            _ = try RestorePlan.make(backup: backup, target: .newest)
            Issue.record("a damaged table was taken")
        } catch {
            guard case .store(.corrupt(let file, let offset, _)) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(file == table && offset <= 100)
        }
        backup.overwrite(table, with: bytes)
        #expect(try BackupInventory.check(backup).lsn.rawValue == life.acknowledged)
    }

    @Test("Log files stay for the time set, but not against an erasure")
    func logRetention() throws {
        var fixture = StoreFixture()
        fixture.options.deletionGraceSeconds = 0
        fixture.options.logRetentionSeconds = 1000
        fixture.options.logFileBytes = 16 << 10
        let store = try fixture.open()
        var batch = Batch()
        _ = batch.createSession(id: "a", tenant: "t", user: "ann")
        let key = try store.commit(batch).sessions[0]
        func write() throws {
            for _ in 0..<10 {
                var batch = Batch()
                batch.append([UInt8](repeating: 7, count: 6000), to: .existing(key))
                try store.commit(batch)
                try store.flush()
            }
        }
        try write()
        let kept = store.status.logFiles
        #expect(kept >= 5)
        fixture.clock.advance(microseconds: 999_000_000)
        try write()
        #expect(store.status.logFiles > kept)
        fixture.clock.advance(microseconds: 2_000_000)
        try write()
        #expect(store.status.logFiles <= 2 * kept + 1)
        var erasure = Batch()
        erasure.erase(.session(key))
        try store.commit(erasure)
        try store.maintain()
        #expect(try store.erasures().first?.finishedAt != nil)
        #expect(store.status.logFiles == 1)
        try store.close()
    }
}
