/// A part of a text that names a number, money, a date or an account.
struct Mention: Hashable, Sendable {
    enum What: Hashable, Sendable {
        case money(Money)
        /// Decimal text without separators.
        case number(String)
        case accountNumber(String)
        /// As ISO 8601 if the text says a whole date, else the words.
        case date(String)
    }

    var what: What
    /// Of tokens.
    var range: Range<Int>
}

/// Finds mentions, left to right, the longest first.
///
/// Steps at each token: a whole date; a number in digits or words. What stands around a number decides what it is: a
/// currency sign or unit makes it money, eight to seventeen digits or the word `account` in front an account number.
enum EntityExtractor {
    static func mentions(in tokens: [Utterance.Token]) -> [Mention] {
        var mentions: [Mention] = []
        var index = 0
        while index < tokens.count {
            let mention = date(tokens, index) ?? money(tokens, index) ?? relativeDate(tokens, index)
            if let mention {
                mentions.append(mention)
                index = mention.range.upperBound
            } else {
                index += 1
            }
        }
        return mentions
    }

    // MARK: Numbers

    /// A number with what belongs to it.
    private static func money(_ tokens: [Utterance.Token], _ start: Int) -> Mention? {
        var index = start
        var currency: String?
        if let sign = currencies[tokens[index].text],
            tokens[index].kind == .sign || tokens[index].text == sign.lowercased(), index + 1 < tokens.count
        {
            currency = sign
            index += 1
        }
        guard index < tokens.count, case (let text, var end)? = number(tokens, index) else { return nil }
        if currency == nil, let account = accountNumber(tokens, index, text) {
            return Mention(what: .accountNumber(account), range: start..<end)
        }
        var isCents = false
        if end < tokens.count {
            if let unit = currencies[tokens[end].text] {
                currency = currency ?? unit
                end += 1
            } else if tokens[end].text == "cents" || tokens[end].text == "cent", currency == nil {
                isCents = true
                currency = "USD"
                end += 1
            }
        }
        let isNegative = isNegative(tokens, start)
        let number = Mention(what: .number((isNegative ? "-" : "") + text), range: start..<end)
        guard let currency else { return number }
        guard let cents = isCents ? Int64(text) : Money.cents(of: text) else { return number }
        return Mention(
            what: .money(Money(cents: isNegative ? -cents : cents, currency: currency)), range: start..<end)
    }

    /// `-50` or `-$50` with a blank in front, or `minus fifty`; not the hyphen of `10-20`.
    private static func isNegative(_ tokens: [Utterance.Token], _ start: Int) -> Bool {
        guard start > 0 else { return false }
        let before = tokens[start - 1]
        if before.text == "-" { return before.startsAfterBlank && !tokens[start].startsAfterBlank }
        return before.text == "minus"
    }

    /// Digits with `k`, or number words, as decimal text.
    static func number(_ tokens: [Utterance.Token], _ index: Int) -> (text: String, end: Int)? {
        let token = tokens[index]
        guard token.kind == .number else {
            return NumberWords.number(in: tokens, at: index).map { (String($0.value), $0.end) }
        }
        guard index + 1 < tokens.count, let thousands = scale(tokens[index + 1]),
            let cents = Money.cents(of: token.text), cents < Int64.max / thousands
        else { return (token.text, index + 1) }
        let scaled = Money(cents: cents * thousands).decimal
        return (scaled.hasSuffix(".00") ? String(scaled.dropLast(3)) : scaled, index + 2)
    }

    /// `k` right behind digits (the tokenizer reads a lone k as `okay`), `thousand` and `grand` after a blank.
    private static func scale(_ token: Utterance.Token) -> Int64? {
        switch token.text {
        case "okay" where !token.startsAfterBlank: 1000
        case "thousand", "grand": 1000
        case "hundred": 100
        case "million": 1_000_000
        default: nil
        }
    }

    private static func accountNumber(_ tokens: [Utterance.Token], _ index: Int, _ text: String) -> String? {
        guard tokens[index].kind == .number, !text.contains("."), tokens[index].text == text else { return nil }
        if (8...17).contains(text.count) { return text }
        guard (4...17).contains(text.count), index > 0 else { return nil }
        var before = index - 1
        while before > 0, ["#", ":", "is", "no", "number", "."].contains(tokens[before].text) { before -= 1 }
        return ["account", "accounts", "iban"].contains(tokens[before].text) ? text : nil
    }

    private static let currencies: [String: String] = [
        "$": "USD", "usd": "USD", "dollar": "USD", "dollars": "USD", "buck": "USD", "bucks": "USD", "€": "EUR",
        "eur": "EUR", "euro": "EUR", "euros": "EUR", "£": "GBP", "gbp": "GBP", "pound": "GBP", "pounds": "GBP",
        "quid": "GBP", "¥": "JPY", "jpy": "JPY", "yen": "JPY", "cny": "CNY", "yuan": "CNY", "₹": "INR", "inr": "INR",
        "rupee": "INR", "rupees": "INR", "chf": "CHF", "francs": "CHF", "cad": "CAD", "aud": "AUD", "mxn": "MXN",
        "pesos": "MXN", "sek": "SEK", "nok": "NOK", "dkk": "DKK", "btc": "BTC", "bitcoin": "BTC", "bitcoins": "BTC",
    ]

    // MARK: Dates

    private static let months = [
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
        "december",
    ]
    static let weekdays: Set<String> = [
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    ]

    /// The month of a name or of its first three letters (1…12).
    static func month(_ word: String) -> Int? {
        if let index = months.firstIndex(of: word) { return index + 1 }
        if word == "sept" { return 9 }
        // `may` and `mar` as words of their own are no abbreviations.
        guard word.count == 3, word != "may", let index = months.firstIndex(where: { $0.hasPrefix(word) }) else {
            return nil
        }
        return index + 1
    }

    static func monthName(_ word: String) -> String? { month(word).map { months[$0 - 1] } }

    /// `2026-01-05`, `1/5/2026` (month first), `january 5th 2026`, `5 january`.
    private static func date(_ tokens: [Utterance.Token], _ start: Int) -> Mention? {
        func value(_ index: Int, _ range: ClosedRange<Int>) -> Int? {
            guard index < tokens.count, tokens[index].kind == .number, let number = Int(tokens[index].text),
                range.contains(number)
            else { return nil }
            return number
        }
        func isSign(_ index: Int, _ signs: Set<String>) -> Bool {
            index < tokens.count && signs.contains(tokens[index].text) && !tokens[index].startsAfterBlank
        }
        if let year = value(start, 1900...2199), isSign(start + 1, ["-", "/"]), let month = value(start + 2, 1...12),
            isSign(start + 3, ["-", "/"]), let day = value(start + 4, 1...31)
        {
            return Mention(what: .date(iso(year, month, day)), range: start..<start + 5)
        }
        if let month = value(start, 1...12), isSign(start + 1, ["/"]), let day = value(start + 2, 1...31),
            isSign(start + 3, ["/"]), let year = value(start + 4, 1900...2199)
        {
            return Mention(what: .date(iso(year, month, day)), range: start..<start + 5)
        }
        var index = start
        var found: (month: Int, day: Int)?
        if tokens[start].kind == .word, let month = month(tokens[start].text), let day = value(start + 1, 1...31) {
            found = (month, day)
            index = skipOrdinal(tokens, start + 2)
        } else if let day = value(start, 1...31) {
            var next = skipOrdinal(tokens, start + 1)
            if next < tokens.count, tokens[next].text == "of" { next += 1 }
            if next < tokens.count, tokens[next].kind == .word, let month = month(tokens[next].text) {
                found = (month, day)
                index = next + 1
            }
        }
        guard let found else { return nil }
        var yearPlace = index
        if yearPlace < tokens.count, tokens[yearPlace].text == "," { yearPlace += 1 }
        if let year = value(yearPlace, 1900...2199) {
            return Mention(what: .date(iso(year, found.month, found.day)), range: start..<yearPlace + 1)
        }
        return Mention(what: .date("\(months[found.month - 1]) \(found.day)"), range: start..<index)
    }

    private static func skipOrdinal(_ tokens: [Utterance.Token], _ index: Int) -> Int {
        guard index < tokens.count, ["st", "nd", "rd", "th"].contains(tokens[index].text),
            !tokens[index].startsAfterBlank
        else { return index }
        return index + 1
    }

    private static func relativeDate(_ tokens: [Utterance.Token], _ index: Int) -> Mention? {
        let word = tokens[index].text
        guard ["today", "tomorrow", "yesterday", "tonight"].contains(word) || weekdays.contains(word) else {
            return nil
        }
        return Mention(what: .date(word), range: index..<index + 1)
    }

    private static func iso(_ year: Int, _ month: Int, _ day: Int) -> String {
        func padded(_ value: Int) -> String { (value < 10 ? "0" : "") + String(value) }
        return "\(year)-\(padded(month))-\(padded(day))"
    }
}
