extension Calculator {
    /// Parses and evaluates symbols by recursive descent; the grammar is at the head of `Calculator`.
    struct Parser {
        let symbols: [Symbol]
        private var position = 0
        private var depth = 0

        init(symbols: [Symbol]) { self.symbols = symbols }

        /// Whether the symbols are one expression; what it comes to does not matter.
        mutating func isExpression() -> Bool {
            do throws(Failure) {
                _ = try run()
                return true
            } catch {
                return error != .noExpression
            }
        }

        mutating func run() throws(Failure) -> Rational {
            position = 0
            depth = 0
            let value = try expression()
            guard position == symbols.count else { throw .noExpression }
            return value
        }

        private var next: Symbol? { position < symbols.count ? symbols[position] : nil }

        private mutating func expression() throws(Failure) -> Rational {
            var value = try term().value
            while let sign = next, sign == .plus || sign == .minus {
                position += 1
                var (right, isPercentage) = try term()
                if isPercentage { right = try Self.fitting(.product(value, right)) }
                if sign == .minus { right = try Self.fitting(right.negated) }
                value = try Self.fitting(.sum(value, right))
            }
            return value
        }

        /// - Returns: also whether the term is nothing but a percentage.
        private mutating func term() throws(Failure) -> (value: Rational, isPercentage: Bool) {
            let start = position
            var value = try factor()
            var isPercentage = position - start > 1 && symbols[position - 1] == .percent
            while let sign = next, sign == .times || sign == .divide || sign == .of {
                position += 1
                isPercentage = false
                let right = try factor()
                if sign == .divide {
                    guard !right.isZero else { throw .divisionByZero }
                    value = try Self.fitting(.quotient(value, right))
                } else {
                    value = try Self.fitting(.product(value, right))
                }
            }
            return (value, isPercentage)
        }

        private mutating func factor() throws(Failure) -> Rational {
            depth += 1
            defer { depth -= 1 }
            guard depth <= Calculator.maximumDepth else { throw .tooLarge }
            if next == .minus {
                position += 1
                return try Self.fitting(try factor().negated)
            }
            var value = try primary()
            while next == .percent {
                position += 1
                value = try Self.fitting(.product(value, try Self.fitting(Rational(1, over: 100))))
            }
            guard next == .power else { return value }
            position += 1
            return try Self.power(value, try factor())
        }

        private mutating func primary() throws(Failure) -> Rational {
            switch next {
            case .number(let value):
                position += 1
                return value
            case .open:
                position += 1
                let value = try expression()
                guard next == .close else { throw .noExpression }
                position += 1
                return value
            default: throw .noExpression
            }
        }

        /// Whole exponents only.
        private static func power(_ base: Rational, _ exponent: Rational) throws(Failure) -> Rational {
            guard exponent.denominator == 1, exponent.numerator.magnitude <= 256 else { throw .tooLarge }
            var value = Rational(1)
            for _ in 0..<Int(exponent.numerator.magnitude) { value = try fitting(.product(value, base)) }
            guard exponent.numerator < 0 else { return value }
            guard !value.isZero else { throw .divisionByZero }
            return try fitting(.quotient(Rational(1), value))
        }

        private static func fitting(_ value: Rational?) throws(Failure) -> Rational {
            guard let value else { throw .tooLarge }
            return value
        }
    }
}
