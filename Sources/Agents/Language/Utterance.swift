/// A message as the language rules see it.
///
/// Steps: typographic signs become ASCII and letters small; the text is cut into words, numbers and signs; contractions
/// are written out (`don't` is `do not`), usual short spellings too (`pls`, `acct`). Numbers keep their digits; a comma
/// between digits is a thousands separator.
struct Utterance: Sendable {
    struct Token: Hashable, Sendable {
        enum Kind: Sendable { case word, number, sign }
        var kind: Kind
        var text: String
        /// Whether a blank, or the text's end, is in front of it.
        var startsAfterBlank: Bool
    }

    /// Small letters, ASCII signs, single blanks.
    let normalized: String
    let tokens: [Token]

    /// Only so much of a text is looked at; what follows changes no intent.
    static let maximumScalars = 2000

    init(_ text: String) {
        var scalars: [Unicode.Scalar] = []
        scalars.reserveCapacity(min(text.utf8.count, Self.maximumScalars))
        for scalar in text.unicodeScalars.prefix(Self.maximumScalars) {
            guard let plain = Self.plain(scalar) else { continue }
            if plain == " ", scalars.last == " " || scalars.isEmpty { continue }
            if plain.isASCII {
                scalars.append(plain)
            } else {
                scalars += plain.properties.lowercaseMapping.unicodeScalars
            }
        }
        if scalars.last == " " { scalars.removeLast() }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        normalized = String(view)
        var tokenizer = Tokenizer(scalars: scalars)
        tokens = tokenizer.run()
    }

    /// The scalar in its plain form; nil drops it.
    private static func plain(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        switch scalar.value {
        case 0x41...0x5A: Unicode.Scalar(scalar.value | 0x20)
        case 0x09...0x0D, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: " "
        case 0x2018, 0x2019, 0x201B, 0x60, 0xB4: "'"
        case 0x201C...0x201F: "\""
        case 0x2010...0x2015, 0x2212: "-"
        case 0xD7: "*"
        case 0xF7: "/"
        case 0..<0x20, 0x7F, 0x200B...0x200F, 0xFEFF: nil
        default: scalar
        }
    }

    /// The words and numbers, without signs.
    var words: [String] { tokens.compactMap { $0.kind == .sign ? nil : $0.text } }
}

/// Cuts normalised scalars into tokens.
private struct Tokenizer {
    let scalars: [Unicode.Scalar]
    var position = 0
    var tokens: [Utterance.Token] = []

    init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

    mutating func run() -> [Utterance.Token] {
        tokens.reserveCapacity(scalars.count / 4)
        while position < scalars.count {
            let scalar = scalars[position]
            if scalar == " " {
                position += 1
            } else if scalar.isDigit || (scalar == "." && follows { $0.isDigit } && !precededByDigit) {
                number()
            } else if scalar.isLetter {
                word()
            } else {
                emit(.sign, String(scalar), at: position)
                position += 1
            }
        }
        return tokens
    }

    private var precededByDigit: Bool { position > 0 && scalars[position - 1].isDigit }

    private func follows(_ test: (Unicode.Scalar) -> Bool) -> Bool {
        position + 1 < scalars.count && test(scalars[position + 1])
    }

    private mutating func emit(_ kind: Utterance.Token.Kind, _ text: String, at start: Int) {
        tokens.append(
            Utterance.Token(
                kind: kind, text: text, startsAfterBlank: start == 0 || scalars[start - 1] == " "))
    }

    /// Digits with separators inside: `1,250.50`, `.5`. A point or comma that no digit follows ends it.
    private mutating func number() {
        let start = position
        var text = ""
        while position < scalars.count {
            let scalar = scalars[position]
            if scalar.isDigit {
                text.unicodeScalars.append(scalar)
            } else if scalar == ".", follows({ $0.isDigit }), !text.contains(".") {
                if text.isEmpty { text = "0" }
                text += "."
            } else if scalar == ",", isThousandsSeparator {
                // Left out.
            } else {
                break
            }
            position += 1
        }
        emit(.number, text, at: start)
    }

    /// A comma before exactly three digits.
    private var isThousandsSeparator: Bool {
        guard position + 3 < scalars.count, scalars[(position + 1)...(position + 3)].allSatisfy(\.isDigit) else {
            return false
        }
        return position + 4 == scalars.count || !scalars[position + 4].isDigit
    }

    private mutating func word() {
        let start = position
        var text = String.UnicodeScalarView()
        while position < scalars.count {
            let scalar = scalars[position]
            guard scalar.isLetter || (scalar == "'" && follows { $0.isLetter }) else { break }
            text.append(scalar)
            position += 1
        }
        // `un-block` is one word.
        if String(text) == "un" || String(text) == "re", position < scalars.count, scalars[position] == "-",
            follows({ $0.isLetter })
        {
            position += 1
            while position < scalars.count, scalars[position].isLetter {
                text.append(scalars[position])
                position += 1
            }
        }
        for (index, part) in Contractions.parts(of: String(text)).enumerated() {
            emit(.word, part, at: start)
            if index > 0 { tokens[tokens.count - 1].startsAfterBlank = true }
        }
    }
}

/// Contractions and short spellings, written out.
private enum Contractions {
    static func parts(of word: String) -> [String] {
        if let whole = wholes[word] { return whole }
        guard let apostrophe = word.firstIndex(of: "'") else { return [word] }
        let stem = String(word[..<apostrophe])
        switch word[apostrophe...] {
        case "'t" where stem.hasSuffix("n"): return [String(stem.dropLast()), "not"]
        case "'s": return [stem, "is"]
        case "'m": return [stem, "am"]
        case "'re": return [stem, "are"]
        case "'ve": return [stem, "have"]
        case "'ll": return [stem, "will"]
        case "'d": return [stem, "would"]
        default: return [stem]
        }
    }

    private static let wholes: [String: [String]] = [
        "can't": ["can", "not"], "cannot": ["can", "not"], "cant": ["can", "not"], "won't": ["will", "not"],
        "wont": ["will", "not"], "dont": ["do", "not"], "didnt": ["did", "not"], "doesnt": ["does", "not"],
        "isnt": ["is", "not"], "whats": ["what", "is"], "wheres": ["where", "is"], "hows": ["how", "is"],
        "thats": ["that", "is"], "im": ["i", "am"], "ive": ["i", "have"], "let's": ["let", "us"],
        "gimme": ["give", "me"], "wanna": ["want", "to"], "gonna": ["going", "to"], "gotta": ["have", "to"],
        "pls": ["please"], "plz": ["please"], "u": ["you"], "ur": ["your"], "acct": ["account"], "acc": ["account"],
        "accts": ["accounts"], "thx": ["thanks"], "ty": ["thanks"], "checkings": ["checking"], "saving": ["savings"],
        "info": ["information"], "ok": ["okay"], "k": ["okay"], "bal": ["balance"], "chequing": ["checking"],
        "cheque": ["check"], "y'all": ["you"],
    ]
}

extension Unicode.Scalar {
    var isDigit: Bool { value >= 0x30 && value <= 0x39 }
    /// A letter of any script.
    var isLetter: Bool {
        if value < 0x80 { return value | 0x20 >= 0x61 && value | 0x20 <= 0x7A }
        return properties.isAlphabetic
    }
}
