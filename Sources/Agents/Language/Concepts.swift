/// What the words of a message mean to the rules: each word or phrase of the lexicon stands for one or more concepts.
struct Concepts: OptionSet, Hashable, Sendable {
    let rawValue: UInt64

    private static func bit(_ index: UInt64) -> Concepts { Concepts(rawValue: 1 << index) }

    // Things.
    static let balance = bit(0)
    static let money = bit(1)
    static let account = bit(2)
    static let ownAccount = bit(3)
    static let transactions = bit(4)
    static let card = bit(5)
    static let wallet = bit(6)
    static let loan = bit(7)
    static let bill = bit(8)
    static let payment = bit(9)
    static let identifier = bit(10)
    static let details = bit(11)
    static let income = bit(12)
    static let bank = bit(13)
    // Doings.
    static let transfer = bit(14)
    static let move = bit(15)
    static let block = bit(16)
    static let loss = bit(17)
    static let unblock = bit(18)
    static let blockedState = bit(19)
    static let repair = bit(20)
    static let borrow = bit(21)
    static let pay = bit(22)
    static let spend = bit(23)
    static let show = bit(24)
    static let arrive = bit(25)
    static let open = bit(26)
    static let help = bit(27)
    static let have = bit(28)
    static let flow = bit(29)
    // How it is said.
    static let howMuch = bit(30)
    static let question = bit(31)
    static let mine = bit(32)
    static let left = bit(33)
    static let cardFeature = bit(34)
    static let ability = bit(35)
    static let misuse = bit(36)
    static let other = bit(37)
    static let interest = bit(38)
    static let into = bit(39)
    static let what = bit(40)
    static let recover = bit(41)
    // Said about the whole message, not a word.
    static let amount = bit(50)
    static let accountName = bit(51)
    static let period = bit(52)
    static let accountNumber = bit(53)
    static let short = bit(54)
    // Talk.
    static let greeting = bit(55)
    static let farewell = bit(56)
    static let thanks = bit(57)
    static let yes = bit(58)
    static let no = bit(59)
}

/// Words and phrases of up to four words, by concept. Words are looked up as they are, then by their stem.
enum Lexicon {
    static let phraseWords = 4

    /// Concepts by phrase.
    static let entries: [String: Concepts] = {
        var entries: [String: Concepts] = [:]
        for (concepts, phrases) in groups {
            for phrase in phrases.split(separator: "|") {
                entries[phrase.trimmingBlanks, default: []].formUnion(concepts)
            }
        }
        return entries
    }()

    /// Keywords that a typing error is put right for: long enough that one wrong letter leaves no other word.
    static let corrected: [String] = [
        "balance", "account", "transfer", "transaction", "transactions", "savings", "checking", "payment", "statement",
        "unblock", "mortgage", "activity", "deposit",
    ]

    private static let groups: [(Concepts, String)] = [
        (
            .balance,
            "balance|balances|account total|available fund|my fund|standing|go below|gone below|overdrawn|in the red|below zero"
        ),
        (.money, "money|cash|fund|dough|buck|dollar|euro|pound|dime|cent"),
        (.account, "account|both account"),
        ([.account, .ownAccount], "saving account|checking account|savings account|current account|bank account"),
        ([.ownAccount], "savings|checking|my saving|in saving|to saving|into saving|from saving"),
        (
            .transactions,
            """
            transaction|history|statement|activity|records|outgoing|purchase|charge|spending|expense|withdrawal|payment history|
            recent payment|last payment|last deposit|latest deposit|recent deposit|direct debit|standing order|refund|movement|my transfer|the payment i
            """
        ),
        (.card, "card|visa|mastercard|debit|amex"),
        (
            .other,
            """
            business card|report card|sim card|birthday card|gift card|library card|graphics card|postcard|on balance|
            life balance|off balance|balance of power
            """
        ),
        (.wallet, "wallet|purse|handbag"),
        (.loan, "loan|mortgage|credit line|overdraft|installment|financing|refinance|refinancing"),
        (.borrow, "borrow|lend"),
        (.bill, "bill|invoice|rent|electricity|utility|utilities|premium|insurance|subscription"),
        (.payment, "payment"),
        (.identifier, "account number|routing number|iban|sort code|swift code|number of my|number of the"),
        (.details, "detail|information|data on|status|type of"),
        ([.details, .cardFeature], "about my|about the"),
        (.income, "salary|paycheck|wage|income|pay check|paycheque|refund|deposit"),
        (.bank, "bank|banking|finance|financial"),
        (.transfer, "transfer|wire|send money|make a transfer"),
        (
            .move,
            "move|send|put|shift|take|stash|pull|push|top up|deposit|set aside|relocate|bring|add|drop|throw|shove|slide|toss|chuck|stick|pop|funnel|reallocate|sweep"
        ),
        (
            .block,
            "block|freeze|lock|disable|deactivate|suspend|put a hold|place a hold|cancel|stop|kill|shut off|turn off|shut down|shut it|pause|terminate|invalidate"
        ),
        (
            .loss,
            """
            lose|lost|steal|stole|stolen|misplace|missing|is gone|can not find|could not find|left my|swallow|
            leave my|vanish|seem to find|not locate|forgot my|dropped my|disappear|robbed|pickpocket|mugged|mislaid
            """
        ),
        (
            .misuse,
            """
            fraud|fraudulent|unauthorized|unauthorised|without permission|without my permission|did not make|
            did not authorize|somebody is using|someone is using|suspicious|compromised|hacked|skimmed|not recognize|leak|clone|phish|scam
            """
        ),
        (
            .unblock,
            """
            unblock|unfreeze|unlock|reactivate|activate|enable|back on|turn on|remove the block|remove the freeze|
            remove the hold|lift the|lift the block|lift the freeze|lift the hold|take off|take the freeze off|take the block off|reenable|re-enable|re-activate|
            release|restore|usable again|working again|undo the block|undo the freeze|unsuspend|turn back on|undo the
            """
        ),
        (.recover, "found|find again|turned up|back|recovered"),
        (.blockedState, "blocked|frozen|locked|deactivated|suspended|disabled"),
        (.repair, "fix|release|help|undo|resolve|why|still"),
        (
            .pay,
            "pay|settle|pay off|pay for|schedule a payment|make a payment|send a payment|take care of|autopay|auto pay"
        ),
        ([.pay, .bill], "bill payment"),
        (.spend, "spend|spent|bought|buy|paid|charged|where did all|purchased"),
        (.show, "show|list|see|give|tell|view|check|review|look|pull up|display|get|find out|print|remind|know|need"),
        (.arrive, "arrive|come through|came through|received|been deposited|come in|been credited|land|go through"),
        (.flow, "came in|went out|happen|come in|go out|went on|going on"),
        ([.flow, .money], "money go|money went"),
        ([.flow, .account], "left my account|leave my account|left the account"),
        ([.howMuch, .have], "got to spend|have to spend|left to spend|can i spend|can spend|available to spend"),
        ([.account, .what, .details], "kind of account|sort of account|type of account"),
        (.open, "open|close|apply|order|request|new"),
        (
            .help,
            "what else can you do|can you do|what do you do|help|assist|support|assistance|stuck|guide|what can you do|who are you|how does this work|option|handle"
        ),
        (.have, "have|got|own|in my name"),
        (.howMuch, "how much|the total|what is left|available|remaining|enough|broke|afford|left in|total in"),
        (.left, "left|is in|got left|still|at the moment|doing|stand|sitting"),
        (
            .question,
            "what|which|when|how|where|is|are|do|can|could|would|will|am|does|did|has|have|any|why|may|who"
        ),
        (.what, "what|which|any|list"),
        (.mine, "my|i|me|mine|our"),
        (
            .cardFeature,
            """
            expire|expiry|expiration|digit|limit|pin|active|status|detail|information|about|cvv|contactless|annual fee|
            replacement|activated|sent out|on its way|deliver|mail
            """
        ),
        (
            [.card, .cardFeature],
            """
            new card|what card|which card|card do i have|see my card|show me my card|my cards|list my card|show my card|
            which of my card|credit limit|how many card
            """
        ),
        (.ability, "service|do with|task|question|ask you|what can|offer|able to|capable|handle|kind of"),
        (.interest, "interest|interest rate|rate|apr|earn"),
        (.into, "to|into|from|over|between|out of|in"),
        (
            .greeting,
            "hello|hi|hey|hiya|howdy|yo|sup|good morning|good evening|good afternoon|greetings|how are you|good day"
        ),
        (
            .farewell,
            """
            bye|goodbye|good bye|bye bye|see you|farewell|have a nice|have a good|have a great|talk to you|good night|
            cya|take care|see ya|until next time|that is all|i am done|so long|catch you later|have to go|got to go|i am off|that is it for|have a lovely
            """
        ),
        (.thanks, "thanks|thank you|thank|appreciate|cheers|grateful|appreciated|nice one|much obliged"),
        (
            .yes,
            """
            yes|yeah|yep|yup|sure|okay|that is right|right|go ahead|please do|correct|sounds good|absolutely|confirm|
            confirmed|of course|definitely|do it|exactly|indeed|fine|certainly|affirmative|i agree|agreed|go for it|
            please do it|y|perfect|that is correct|yea|ya|sure thing|you bet|alright|all right|proceed|approve
            """
        ),
        (
            .no,
            """
            no|nope|never mind|nevermind|nah|not now|do not|stop|wrong|changed my mind|forget it|do not think so|
            cancel that|cancel|no way|not really|negative|rather not|forget about it|do not do it|no thanks|n|
            no thank you|leave it|abort|changed mind|do not bother|no need|skip it|not interested
            """
        ),
    ]

    /// The concepts of a word on its own, by its stem if the lexicon has not the word itself.
    static func stem(_ word: String) -> String? {
        if entries[word] != nil { return word }
        for candidate in Stemmer.candidates(word) where entries[candidate] != nil { return candidate }
        return nil
    }
}

/// Takes regular endings off; the lexicon decides which of the candidates is a word.
enum Stemmer {
    static func candidates(_ word: String) -> [String] {
        var candidates: [String] = []
        func add(_ ending: String, _ replacements: [String], doubled: Bool = false) {
            guard word.hasSuffix(ending), word.utf8.count > ending.utf8.count + 2 else { return }
            let base = String(word.dropLast(ending.count))
            for replacement in replacements { candidates.append(base + replacement) }
            if doubled, let last = base.last, base.dropLast().last == last {
                candidates.append(String(base.dropLast()))
            }
        }
        add("ies", ["y"])
        add("es", ["e", ""])
        add("s", [""])
        add("ing", ["", "e"], doubled: true)
        add("ied", ["y"])
        add("ed", ["e", ""], doubled: true)
        return candidates
    }

    /// Whether the words are the same but for one letter that is wrong, missing, too much, or swapped with its neighbour.
    static func isTypo(_ word: String, of keyword: String) -> Bool {
        let (a, b) = (Array(word.utf8), Array(keyword.utf8))
        guard a != b, a.count >= 6, abs(a.count - b.count) <= 1, a.first == b.first else { return false }
        var start = 0
        while start < min(a.count, b.count), a[start] == b[start] { start += 1 }
        var end = 0
        while end < min(a.count, b.count) - start, a[a.count - 1 - end] == b[b.count - 1 - end] { end += 1 }
        let (restA, restB) = (a.count - start - end, b.count - start - end)
        if restA <= 1 && restB <= 1 { return true }
        return restA == 2 && restB == 2 && a[start] == b[start + 1] && a[start + 1] == b[start]
    }
}

extension Substring {
    fileprivate var trimmingBlanks: String {
        String(self.drop { $0 == " " || $0 == "\n" }.reversed().drop { $0 == " " || $0 == "\n" }.reversed())
    }
}
