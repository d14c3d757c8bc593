import Agents
import ChatEngine
import LogStore
import Testing

@Suite struct ConversationTests {
    @Test func balances() async throws {
        let talk = Conversation(try AgentsFixture())
        let result = await talk.say("What is my account balance?")
        #expect(
            result.content == """
                Your checking account balance is $5,432.10 and your savings account balance is $12,750.00, $18,182.10 in all.
                """)
        #expect(result.source == .banking)
        #expect(result.agentsInvolved == ["nlp", "nlu", "banking"])
        #expect(result.metadata["intent"] == .string("banking.balance.check"))
        #expect(result.quickReplies != .array([]))
        #expect(result.suggestedActions != .array([]))
        #expect(await talk.say("and in savings?").source == .fallback)
        #expect(await talk.say("how much is in savings").content == "Your savings account balance is $12,750.00.")
    }

    @Test func aTransferInOneSentence() async throws {
        let talk = Conversation(try AgentsFixture())
        let result = await talk.say("Transfer $200 to savings please")
        #expect(
            result.content == """
                Done: I've moved $200.00 from checking to savings. Your checking balance is now $5,232.10, your savings \
                balance $12,950.00.
                """)
        #expect(try await talk.balances() == [.checking: 523_210, .savings: 1_295_000])
        #expect(talk.context["bankingContext"] == .null)
        #expect(talk.state["currentStep"] == .string("completed"))
    }

    @Test func anAmountIsAskedForAndGiven() async throws {
        let talk = Conversation(try AgentsFixture())
        let first = await talk.say("transfer money")
        #expect(first.content == "How much would you like to transfer?")
        #expect(talk.state["currentStep"] == .string("awaiting_amount"))
        let second = await talk.say("two hundred dollars to savings")
        #expect(second.content.hasPrefix("Done: I've moved $200.00 from checking to savings."))
        #expect(try await talk.balances()[.savings] == 1_295_000)
        #expect(talk.context["previousIntents"] == .array([.string("banking.transfer.money")]))
    }

    @Test func oneThingAfterTheOther() async throws {
        let talk = Conversation(try AgentsFixture())
        await talk.say("I need to make a transfer")
        #expect(await talk.say("75.50").content == "Where should the $75.50 go, to savings or to checking?")
        #expect(await talk.say("checking").content.hasPrefix("Done: I've moved $75.50 from savings to checking."))
        await talk.say("move money from savings to checking")
        #expect(await talk.say("a hundred").content.hasPrefix("Done: I've moved $100.00 from savings to checking."))
    }

    @Test func aTransferCanBeCalledOff() async throws {
        let talk = Conversation(try AgentsFixture())
        await talk.say("transfer money")
        #expect(await talk.say("never mind").content == "All right, I've left everything as it was.")
        // An amount alone means nothing now.
        #expect(await talk.say("two hundred dollars").source == .fallback)
        #expect(try await talk.balances()[.checking] == 543_210)
    }

    @Test(arguments: [
        "send 10 to Bob", "transfer $50 to John Smith", "transfer 50 from savings to Bob", "wire 20 dollars to alice",
        "transfer 50 to Bob's savings account", "send $5 to my wife",
    ]) func nothingMovesToSomebodyElse(_ text: String) async throws {
        for isAskedBack in [false, true] {
            let talk = Conversation(try AgentsFixture())
            if isAskedBack { await talk.say("transfer money to savings") }
            #expect(await talk.say(text).content.contains("not to other people"))
            #expect(try await talk.balances() == [.checking: 543_210, .savings: 1_275_000])
        }
    }

    @Test(arguments: [
        "transfer 20 to my high yield savings", "I want to move 20 to savings to celebrate",
        "move $20 into savings please", "please transfer 20 dollars from checking to my other account",
    ]) func ownAccountsAreNobodyElse(_ text: String) async throws {
        let talk = Conversation(try AgentsFixture())
        #expect(await talk.say(text).content.hasPrefix("Done: I've moved $20.00 from checking to savings."))
    }

    @Test(arguments: ["transfer EUR 20 to savings", "transfer 20 yen to savings", "transfer 20 CHF to savings"])
    func onlyDollarsMove(_ text: String) async throws {
        let talk = Conversation(try AgentsFixture())
        #expect(await talk.say(text).content == "Your accounts are kept in US dollars, so I can only transfer dollars.")
        #expect(try await talk.balances()[.checking] == 543_210)
    }

    @Test func aQuestionAboutACardBlocksNone() async throws {
        let talk = Conversation(try AgentsFixture())
        await talk.say("I lost my card!")
        await talk.say("yes")
        let cards = await talk.say("is my debit card blocked?").content
        #expect(cards.hasPrefix("Here are your cards:"))
        #expect(cards.hasSuffix(": active"))
    }

    @Test func anotherSubjectEndsTheQuestion() async throws {
        let talk = Conversation(try AgentsFixture())
        await talk.say("transfer money")
        #expect(await talk.say("what's my balance?").content.contains("$5,432.10"))
        #expect(talk.context["bankingContext"] == .null)
    }

    @Test func aSumInBetweenLeavesTheQuestionOpen() async throws {
        let talk = Conversation(try AgentsFixture())
        await talk.say("transfer money to savings")
        await talk.say("what is 2 * 21?")
        #expect(await talk.say("42 dollars").content.hasPrefix("Done: I've moved $42.00 from checking to savings."))
    }

    @Test(arguments: [
        ("transfer $99999 to savings", "your checking account has only $5,432.10"),
        ("transfer 10 dollars from savings to savings", "same account"),
        ("transfer -50 dollars to savings", "above zero"),
        ("transfer $0 to savings", "above zero"),
        ("transfer 20 dollars to my friend", "not to other people"),
        ("transfer 20 dollars to account 99999999", "not one of yours"),
        ("transfer €20 to savings", "US dollars"),
        ("transfer $99999999999999 to savings", "more than I may transfer"),
    ])
    func whatDoesNotFitIsRefused(text: String, reason: String) async throws {
        let talk = Conversation(try AgentsFixture())
        let result = await talk.say(text)
        #expect(result.content.contains(reason), "\(result.content)")
        #expect(try await talk.balances() == [.checking: 543_210, .savings: 1_275_000])
    }

    @Test func theSameMessageMovesMoneyOnce() async throws {
        let fixture = try AgentsFixture()
        let turn = fixture.turn("transfer $10 to savings", id: "msg_7")
        let first = await fixture.answer(turn)
        let second = await fixture.answer(turn)
        #expect(first.content == second.content)
        #expect(try await Conversation(fixture).balances()[.savings] == 1_276_000)
    }

    @Test func history() async throws {
        let talk = Conversation(try AgentsFixture())
        await talk.say("transfer $12.34 to savings")
        let result = await talk.say("show my last 2 transactions")
        let lines = result.content.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[1].hasSuffix("Transfer from checking: +$12.34 (savings)") || lines[1].contains("savings"))
        #expect(lines[2].contains("Transfer to savings: -$12.34 (checking)"))
        // The clock stands at 2026-01-01: rent was 20 days ago, and the transfer is no spending.
        let spent = await talk.say("how much did I spend last month?")
        #expect(spent.content == "You spent $1,467.90 (last month), in 5 payments.")
        #expect(await talk.say("what did I spend in the last 5 days").content.contains("Groceries"))
        #expect(await talk.say("transactions from june").content == "I found no transactions (june).")
    }

    @Test func whichCardIsAskedFor() async throws {
        let talk = Conversation(try AgentsFixture())
        let first = await talk.say("I lost my card")
        #expect(first.content.hasPrefix("Which card should I block: your debit card ending in "))
        #expect(talk.state["currentStep"] == .string("awaiting_card"))
        #expect(await talk.say("the debit one").content.contains("is now blocked"))
        let cards = try await talk.ledger().get().cards
        #expect(cards.map(\.isBlocked) == [true, false])
        // Only one is blocked, so there is nothing to ask.
        #expect(await talk.say("please unblock my card").content.contains("debit card ending in \(cards[0].lastFour)"))
        #expect(await talk.say("block my credit card").content.contains("is now blocked"))
        #expect(await talk.say("freeze my credit card").content.contains("already blocked"))
        #expect(await talk.say("block both my cards").content.contains("debit card"))
        #expect(try await talk.ledger().get().cards.allSatisfy(\.isBlocked))
        #expect(await talk.say("block my card").content == "None of your cards is active.")
        #expect(await talk.say("unblock card ending \(cards[1].lastFour)").content.contains("credit card"))
    }

    @Test(arguments: [
        ("hello", "Hello! I'm your banking assistant."), ("thanks!", "You're welcome!"), ("bye", "Goodbye"),
        ("help", "I can tell you your balances"), ("yes", "Good."), ("no", "All right."),
        ("pay my electricity bill", "I can't pay bills"), ("I want a mortgage", "I can't arrange"),
        ("what cards do I have", "Here are your cards:"), ("what's my account number", "account number 10"),
    ])
    func talk(text: String, reply: String) async throws {
        let result = await (try AgentsFixture()).answer(text)
        #expect(result.content.contains(reply), "\(result.content)")
        #expect(result.source == .banking)
    }

    @Test func whatNobodyUnderstandsGetsTheFallback() async throws {
        let result = await (try AgentsFixture()).answer("the river bank was flooded")
        #expect(result.source == .fallback)
        #expect(result.intent == "general_inquiry")
        #expect(result.agentsInvolved == ["nlp", "nlu"])
        #expect(result.suggestedActions == .array([]))
    }

    @Test func sums() async throws {
        let result = await (try AgentsFixture()).answer("what's 20 percent of $54.20?")
        #expect(result.content == "20 percent of $54.20 = $10.84")
        #expect(result.source == .mcp)
        #expect(result.metadata["toolsUsed"] == .array([.string("calculator")]))
        #expect(result.agentsInvolved == ["nlp", "nlu", "mcp"])
    }

    @Test func users() async throws {
        let fixture = try AgentsFixture()
        let (ann, bob) = (Conversation(fixture, user: "ann"), Conversation(fixture, user: "bob"))
        await ann.say("transfer $100 to savings")
        #expect(try await bob.balances() == [.checking: 543_210, .savings: 1_275_000])
        let (a, b) = (try await ann.ledger().get(), try await bob.ledger().get())
        #expect(a.accounts.map(\.number) != b.accounts.map(\.number))
    }

    @Test func statisticsAreCounted() async throws {
        let talk = Conversation(try AgentsFixture())
        let result = await talk.say("what's my balance?")
        let once = result.updated(statistics: ["messageCount": .number(3), "totalInteractionTime": .number(0)])
        let twice = result.updated(statistics: once)
        #expect(twice["messageCount"] == .number(3))
        #expect(
            twice["agentsUsed"]
                == .array([.string("nlp-processor"), .string("nlu-intent"), .string("banking-assistant")]))
        #expect(twice["intentsProcessed"] == .array([.string("banking.balance.check")]))
        #expect(twice["errorsEncountered"] == .number(0))
        #expect(result.state["lastIntent"] == .string("banking.balance.check"))
        #expect(result.state["contextStack"] == .array([.string("banking.balance.check")]))
    }

    // MARK: A person

    @Test func aPersonIsCalled() async throws {
        let on = try AgentsFixture { $0.agentFallbackEnabled = true }
        let result = await on.answer("transfer me to a human please")
        #expect(result.source == .human)
        #expect(result.content == "Of course. A human agent will assist you shortly.")
        #expect(result.metadata["escalationRequired"] == .bool(true))
        #expect(result.state["escalationRequested"] == .bool(true))
        #expect(result.agentsInvolved == ["nlp", "nlu", "human"])
        let off = try AgentsFixture()
        #expect(await off.answer("I want to talk to a human").source != .human)
        #expect(off.orchestrator.escalation(of: off.turn("x")) == nil)
        let escalation = try #require(on.orchestrator.escalation(of: on.turn("x")))
        #expect(escalation.confidence == 0.3)
        #expect(escalation.content.hasPrefix("I'm sorry, I'm experiencing some technical difficulties."))
        #expect(escalation.metadata["originalMessage"] == .string("x"))
    }

    /// The store is gone: nothing is made up.
    @Test func aBrokenLedgerIsSaid() async throws {
        for (enabled, source, start) in [
            (true, TurnResult.Source.human, "I'm sorry"), (false, .fallback, "I apologize"),
        ] {
            let fixture = try AgentsFixture { $0.agentFallbackEnabled = enabled }
            try fixture.store.close()
            let result = await fixture.answer("what is my balance")
            #expect(result.source == source)
            #expect(result.content.hasPrefix(start))
            #expect(result.errors == 1)
        }
    }
}
