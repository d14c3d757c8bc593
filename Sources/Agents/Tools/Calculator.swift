/// The built-in tool: arithmetic, exact.
///
/// Steps: what a message says is translated into symbols (digits, words for numbers and operators; currency signs are
/// noticed and left out); the longest run of symbols that is an expression with an operator is the question; it is parsed
/// by precedence and evaluated in exact fractions.
///
///     expression = term { ("+" | "-") term }          a bare percentage is of what stands before: 80 + 15% is 92
///     term       = factor { ("*" | "/" | "of") factor }
///     factor     = "-" factor | primary { "%" } [ "^" factor ]
///     primary    = number | "(" expression ")"
package enum Calculator {
    enum Symbol: Hashable, Sendable {
        case number(Rational)
        case plus, minus, times, divide, power, percent, of, open, close
    }

    package enum Failure: Error, Hashable, Sendable {
        case noExpression
        case divisionByZero
        case tooLarge

        /// For the customer.
        package var spoken: String {
            switch self {
            case .noExpression: "Tell me what to calculate, for example 12 * 3.5 or 15% of 80."
            case .divisionByZero: "I can't divide by zero."
            case .tooLarge: "That number is too large for me to calculate exactly."
            }
        }
    }

    package struct Answer: Hashable, Sendable {
        /// As it was understood: `15% of 80`.
        package var expression: String
        /// `12`, `$10.84`.
        package var result: String
        package var isExact: Bool
    }

    static let maximumDepth = 50

    /// Evaluates the expression in a message.
    package static func answer(_ text: String) throws(Failure) -> Answer {
        guard let found = Question(Utterance(text).tokens) else { throw .noExpression }
        var parser = Parser(symbols: found.symbols)
        let value = try parser.run()
        guard let (digits, isExact) = found.isMoney ? value.decimal(places: 2, fixed: true) : value.decimal(places: 10)
        else { throw .tooLarge }
        let isNegative = digits.hasPrefix("-")
        let result = found.isMoney ? (isNegative ? "-$" : "$") + digits.drop { $0 == "-" } : digits
        return Answer(expression: found.spelling, result: result, isExact: isExact)
    }

    /// Whether a message is an arithmetic question: it has an expression, and asks for it or says nothing else.
    static func isQuestion(_ tokens: [Utterance.Token]) -> Bool {
        guard let found = Question(tokens) else { return false }
        let others = tokens[..<found.range.lowerBound] + tokens[found.range.upperBound...]
        let words = others.compactMap { $0.kind == .word ? $0.text : nil }
        if words.contains(where: verbs.contains) { return true }
        let asks = asked.contains { question in words.starts(with: question) }
        if asks, words.count <= 6 { return true }
        // `24/7` or `555-1234` alone is no sum.
        return words.count <= 1 && (found.hasBlanks || found.symbols.contains { $0 == .plus || $0 == .times })
    }

    private static let verbs: Set<String> = [
        "calculate", "compute", "calc", "calculates", "equals", "evaluate", "work",
    ]
    private static let asked: [[String]] = [
        ["what", "is"], ["how", "much", "is"], ["what", "are"], ["how", "many"], ["can", "you", "tell", "me"],
        ["please"], ["tell", "me"], ["solve"], ["add"], ["do"], ["so"], ["hey", "what", "is"],
    ]
}

extension Calculator {
    /// The longest expression in some tokens.
    struct Question {
        let symbols: [Symbol]
        /// Of tokens.
        let range: Range<Int>
        let isMoney: Bool
        let hasBlanks: Bool
        let spelling: String

        init?(_ tokens: [Utterance.Token]) {
            var best: Question?
            var index = 0
            while index < tokens.count {
                let run = Self.run(tokens, from: index)
                if let question = run.flatMap({ Question(trimming: $0, tokens) }),
                    question.symbols.count > best?.symbols.count ?? 0
                {
                    best = question
                }
                index = max(run?.last?.range.upperBound ?? 0, index + 1)
            }
            guard let best else { return nil }
            self = best
        }

        private struct Piece {
            var symbol: Symbol
            var range: Range<Int>
            var isMoney: Bool
        }

        /// Symbols that follow each other.
        private static func run(_ tokens: [Utterance.Token], from start: Int) -> [Piece]? {
            var pieces: [Piece] = []
            var index = start
            while index < tokens.count, let piece = piece(tokens, index) {
                pieces.append(piece)
                index = piece.range.upperBound
            }
            return pieces.isEmpty ? nil : pieces
        }

        private static func piece(_ tokens: [Utterance.Token], _ index: Int) -> Piece? {
            if let (symbol, count) = word(tokens, index) {
                return Piece(symbol: symbol, range: index..<index + count, isMoney: false)
            }
            let hasSign = ["$", "€", "£"].contains(tokens[index].text)
            let start = hasSign ? index + 1 : index
            guard start < tokens.count, let (text, end) = EntityExtractor.number(tokens, start),
                let value = Rational(decimal: text)
            else { return nil }
            let hasUnit = end < tokens.count && ["dollars", "bucks", "usd"].contains(tokens[end].text)
            return Piece(
                symbol: .number(value), range: index..<(hasUnit ? end + 1 : end), isMoney: hasSign || hasUnit)
        }

        private static func word(_ tokens: [Utterance.Token], _ index: Int) -> (Symbol, Int)? {
            let next = index + 1 < tokens.count ? tokens[index + 1].text : ""
            return switch tokens[index].text {
            case "+", "plus": (.plus, 1)
            case "-", "minus": (.minus, 1)
            case "*" where next == "*": (.power, 2)
            case "*", "times", "x": (.times, 1)
            case "multiplied" where next == "by": (.times, 2)
            case "/", "over": (.divide, 1)
            case "divided" where next == "by": (.divide, 2)
            case "^": (.power, 1)
            case "%", "percent": (.percent, 1)
            case "of": (.of, 1)
            case "(": (.open, 1)
            case ")": (.close, 1)
            default: nil
            }
        }

        /// Takes from both ends what cannot begin or end an expression, until the rest is one.
        private init?(trimming run: [Piece], _ tokens: [Utterance.Token]) {
            var pieces = run[...]
            while let last = pieces.last, !Self.canEnd(last.symbol) { pieces.removeLast() }
            while let first = pieces.first, !Self.canBegin(first.symbol) { pieces.removeFirst() }
            let symbols = pieces.map(\.symbol)
            let numbers = symbols.count { if case .number = $0 { true } else { false } }
            guard numbers >= 2, let first = pieces.first, let last = pieces.last else { return nil }
            // What is dangling at the end was meant to go on: `20% of my balance` is no sum.
            if let tail = run.last, tail.symbol == .of { return nil }
            var parser = Parser(symbols: symbols)
            guard parser.isExpression() else { return nil }
            self.symbols = symbols
            range = first.range.lowerBound..<last.range.upperBound
            isMoney = pieces.contains(where: \.isMoney)
            hasBlanks = tokens[range].dropFirst().contains(where: \.startsAfterBlank)
            let inner = tokens[range].dropFirst().map { ($0.startsAfterBlank ? " " : "") + $0.text }.joined()
            spelling = tokens[range.lowerBound].text + inner
        }

        private static func canBegin(_ symbol: Symbol) -> Bool {
            switch symbol {
            case .number, .open, .minus: true
            default: false
            }
        }

        private static func canEnd(_ symbol: Symbol) -> Bool {
            switch symbol {
            case .number, .close, .percent: true
            default: false
            }
        }
    }
}
