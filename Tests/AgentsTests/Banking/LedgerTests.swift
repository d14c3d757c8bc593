import LogStore
import TestSupport
import Testing

@testable import Agents
@testable import ChatEngine

@Suite struct LedgerTests {
    private func transfer(
        _ fixture: AgentsFixture, _ id: String, _ from: Ledger.AccountKind, _ to: Ledger.AccountKind, _ cents: Int64
    ) async -> Result<TransferOutcome, ChatError> {
        await withCheckedContinuation { continuation in
            fixture.engine.transfer(
                TransferOrder(operationID: id, from: from, to: to, cents: cents), of: "ann", fixture.access
            ) { continuation.resume(returning: $0) }
        }
    }

    /// Many at once, over a store with its threads: no account below zero, no cent made or lost, every booking there once.
    @Test func concurrentTransfersKeepTheSum() async throws {
        let fixture = try AgentsFixture(execution: .threaded)
        let talk = Conversation(fixture)
        let outcomes = await withTaskGroup(of: (Int, Result<TransferOutcome, ChatError>).self) { group in
            for index in 0..<64 {
                group.addTask {
                    // 32 × $400 out of checking, which has $5,432.10; 32 × $10 back.
                    let isOut = index % 2 == 0
                    return (
                        index,
                        await transfer(
                            fixture, "op-\(index)", isOut ? .checking : .savings, isOut ? .savings : .checking,
                            isOut ? 400_00 : 10_00)
                    )
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var (out, back, refused) = (Int64(0), Int64(0), 0)
        for (index, outcome) in outcomes {
            switch try outcome.get() {
            case .done: if index % 2 == 0 { out += 1 } else { back += 1 }
            case .refused(.insufficientFunds): refused += 1
            case .refused(let other): Issue.record("\(other)")
            }
        }
        #expect(out + back + Int64(refused) == 64)
        #expect(back == 32)
        #expect(refused >= 32 - (543_210 + 32 * 10_00) / 400_00)
        let balances = try await talk.balances()
        #expect(balances[.checking] == 543_210 - out * 400_00 + back * 10_00)
        #expect(balances[.savings] == 1_275_000 + out * 400_00 - back * 10_00)
        let entries = try await talk.entries()
        #expect(entries.map(\.number) == (1...UInt64(9 + 2 * (out + back))).reversed())
        for kind in Ledger.AccountKind.allCases {
            var balance: Int64 = 0
            for entry in entries.reversed() where entry.account == kind {
                balance += entry.cents
                #expect(entry.balanceCents == balance && balance >= 0)
            }
            #expect(balance == balances[kind])
        }
    }

    @Test func repeatedOrdersAreCarriedOutOnce() async throws {
        let fixture = try AgentsFixture(execution: .threaded)
        let outcomes = await withTaskGroup(of: Result<TransferOutcome, ChatError>.self) { group in
            for _ in 0..<16 { group.addTask { await transfer(fixture, "same", .checking, .savings, 5_00) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let receipt = TransferReceipt(
            from: .checking, to: .savings, cents: 5_00, fromCents: 542_710, toCents: 1_275_500)
        for outcome in outcomes { #expect(try outcome.get() == .done(receipt)) }
        #expect(try await Conversation(fixture).balances()[.checking] == 542_710)
    }

    @Test func aLedgerSurvivesARestart() async throws {
        let disk = SimulatedDisk()
        do {
            let talk = Conversation(try AgentsFixture(disk: disk))
            await talk.say("transfer $32.10 to savings")
            await talk.say("block my debit card")
        }
        let talk = Conversation(try AgentsFixture(disk: disk))
        let ledger = try await talk.ledger().get()
        #expect(ledger.accounts.map(\.cents) == [540_000, 1_278_210])
        #expect(ledger.cards.map(\.isBlocked) == [true, false])
        #expect(try await talk.entries().count == 11)
    }

    /// More bookings than one page of a read, and another user whose name begins the same way.
    @Test func longHistories() async throws {
        let fixture = try AgentsFixture()
        for index in 0..<60 { _ = try await transfer(fixture, "op-\(index)", .checking, .savings, 1).get() }
        await Conversation(fixture, user: "ann/2").say("transfer $1 to savings")
        let talk = Conversation(fixture)
        #expect(try await talk.entries().count == 129)
        let savings: [LedgerEntry] = try await withCheckedContinuation { continuation in
            fixture.engine.ledgerEntries(of: "ann", account: .savings, limit: 55, fixture.access) {
                continuation.resume(returning: $0)
            }
        }.get()
        #expect(savings.count == 55)
        #expect(savings.allSatisfy { $0.account == .savings && $0.cents == 1 })
    }

    @Test func onlyTheOwnersAccessReachesALedger() async throws {
        let fixture = try AgentsFixture()
        let access = Access.verifiedToken(tenant: .poc, user: "bob", reach: .user("bob"))
        let result: Result<Ledger, ChatError> = await withCheckedContinuation { continuation in
            fixture.engine.ledger(of: "ann", access) { continuation.resume(returning: $0) }
        }
        #expect(result == .failure(.forbidden))
    }

    @Test func anErasedUserHasNoLedger() async throws {
        let fixture = try AgentsFixture()
        _ = try fixture.engine.createSession(SessionDraft(ids: .orion, owner: "ann"), fixture.access)
        let talk = Conversation(fixture)
        await talk.say("transfer $32.10 to savings")
        _ = try fixture.engine.erase(.user("ann"), .operator(tenant: .poc))
        let left = try fixture.store.documents(tenant: "poc", prefix: [], limit: 100)
        #expect(left.isEmpty)
        #expect(try await talk.balances()[.checking] == 543_210)
    }

    /// 2026-01-01 was a Thursday.
    @Test(arguments: [
        ("today", "2026-01-01", "2026-01-02"), ("yesterday", "2025-12-31", "2026-01-01"),
        ("this week", "2025-12-29", "2026-01-05"), ("last week", "2025-12-22", "2025-12-29"),
        ("this month", "2026-01-01", "2026-02-01"), ("last month", "2025-12-01", "2026-01-01"),
        ("last year", "2025-01-01", "2026-01-01"), ("last 30 days", "2025-12-03", "2026-01-02"),
        ("december", "2025-12-01", "2026-01-01"), ("january", "2026-01-01", "2026-02-01"),
    ])
    func periods(text: String, since: String, until: String) throws {
        let period = try #require(TimePeriod(text, now: Timestamp(microseconds: 1_767_225_600_000_000)))
        #expect(period.since.isoMilliseconds.hasPrefix(since))
        #expect(period.until.isoMilliseconds.hasPrefix(until))
    }
}
