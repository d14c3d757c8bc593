/// Numbers written in words: `two hundred and fifty`, `a hundred`, `twenty-five`, `three grand`.
///
/// A number is a run of such words: units and tens add up, `hundred` multiplies what is before it, `thousand`, `grand` and
/// `million` close a group. `and` counts within a run only.
enum NumberWords {
    private static let small: [String: Int64] = [
        "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
        "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
        "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40,
        "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    ]
    private static let scales: [String: Int64] = ["thousand": 1000, "grand": 1000, "million": 1_000_000]

    static func isNumberWord(_ word: String) -> Bool {
        small[word] != nil || word == "hundred" || scales[word] != nil
    }

    /// The number that begins at `start`.
    /// - Returns: nil if there is none; else its value and the index behind it.
    static func number(in tokens: [Utterance.Token], at start: Int) -> (value: Int64, end: Int)? {
        guard tokens[start].kind == .word else { return nil }
        var index = start
        var total: Int64 = 0
        var group: Int64 = 0
        var hasGroup = false
        if tokens[start].text == "a" || tokens[start].text == "an" {
            guard start + 1 < tokens.count,
                tokens[start + 1].text == "hundred" || scales[tokens[start + 1].text] != nil
            else { return nil }
            group = 1
            hasGroup = true
            index += 1
        } else if small[tokens[start].text] == nil {
            return nil
        }
        while index < tokens.count {
            let word = tokens[index].text
            if let value = small[word] {
                // `one two` are two numbers; `twenty two` and `hundred two` are one.
                guard
                    !hasGroup || (group % 100 == 0 && group > 0) || (group % 10 == 0 && group % 100 >= 20 && value < 10)
                else { break }
                group += value
                hasGroup = true
            } else if word == "hundred", hasGroup, group > 0, group < 100 {
                group *= 100
            } else if let scale = scales[word], hasGroup, group > 0 {
                total += group * scale
                group = 0
                hasGroup = false
            } else if joins(tokens, index, isRound: group % 100 == 0), index > start {
                // The next word goes on with the number.
            } else {
                break
            }
            index += 1
        }
        return (total + group, index)
    }

    /// Whether `and`, or a hyphen inside a word, stands between two parts of one number.
    private static func joins(_ tokens: [Utterance.Token], _ index: Int, isRound: Bool) -> Bool {
        guard index + 1 < tokens.count, small[tokens[index + 1].text] != nil else { return false }
        return switch tokens[index].text {
        case "and": isRound
        case "-": !isRound && !tokens[index].startsAfterBlank
        default: false
        }
    }
}
