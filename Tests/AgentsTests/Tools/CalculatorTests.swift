import Testing

@testable import Agents

@Suite struct CalculatorTests {
    @Test(arguments: [
        ("2+2", "4"), ("2 + 3 * 4", "14"), ("(2 + 3) * 4", "20"), ("10 / 4", "2.5"), ("0.1 + 0.2", "0.3"),
        ("1 / 3 * 3", "1"), ("-3 + 5", "2"), ("2 * -3", "-6"), ("2 ^ 10", "1024"), ("2 ** -2", "0.25"),
        ("2 ^ 3 ^ 2", "512"), ("15% of 80", "12"), ("80 + 15%", "92"), ("200 - 10%", "180"), ("50% * 4", "2"),
        ("1,250.50 * 2", "2501"), ("$19.99 * 3", "$59.97"), ("$10 / 3", "$3.33"), ("$-", ""),
        ("twenty plus thirty two", "52"), ("seven times six", "42"), ("100 divided by 8", "12.5"),
        ("nine minus twelve", "-3"), ("12 multiplied by 12", "144"), ("what is 3 x 7?", "21"),
        ("how much is 20 percent of $54.20", "$10.84"), ("calculate (1 + 2) * (3 + 4) please", "21"),
        ("10 / 3", "3.3333333333"), ("2 / 3", "0.6666666667"), ("1e5", ""), ("two hundred and fifty + 1", "251"),
        ("100000000000 * 100000000000", "10000000000000000000000"), ("5 dollars + 3 dollars", "$8.00"),
        ("0 * 5", "0"), ("1 - 1", "0"), ("3 × 4 ÷ 2", "6"), ("((((7)))) + 0", "7"),
    ])
    func answers(text: String, result: String) throws {
        if result.isEmpty {
            #expect(throws: Calculator.Failure.noExpression) { try Calculator.answer(text) }
        } else {
            #expect(try Calculator.answer(text).result == result)
        }
    }

    @Test(arguments: [
        ("5 / 0", Calculator.Failure.divisionByZero), ("1 / (2 - 2)", .divisionByZero), ("0 ^ -1", .divisionByZero),
        ("2 ^ 1000", .tooLarge), ("10 ^ 30 * 10 ^ 30", .tooLarge), ("2 ^ 0.5", .tooLarge), ("hello", .noExpression),
        ("20% of my balance", .noExpression), ("", .noExpression), ("+ - *", .noExpression),
        (String(repeating: "(", count: 500) + "1+1" + String(repeating: ")", count: 500), .tooLarge),
    ])
    func failures(text: String, failure: Calculator.Failure) {
        #expect(throws: failure) { try Calculator.answer(text) }
        #expect(!failure.spoken.isEmpty)
    }

    @Test func whatIsNoSum() {
        for text in ["call 555-1234", "are you open 24/7", "my card ends in 4421", "from 2026-01-05 to 2026-02-01"] {
            #expect(!Calculator.isQuestion(Utterance(text).tokens), "\(text)")
        }
    }

    /// Sums of cents are exact however many there are.
    @Test func exactness() {
        var sum = Rational.zero
        for _ in 0..<1000 { sum = Rational(decimal: "0.01").flatMap { Rational.sum(sum, $0) } ?? .zero }
        #expect(sum == Rational(10))
        #expect(Rational(decimal: "2.675")?.decimal(places: 2, fixed: true)?.text == "2.68")
        #expect(Rational(-5, over: 1000)?.decimal(places: 2)?.text == "-0.01")
        #expect(Rational(1, over: 0) == nil)
        #expect(Rational.product(Rational(.max), Rational(2)) == nil)
    }
}
