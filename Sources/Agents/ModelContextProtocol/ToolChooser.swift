internal import ChatEngine

/// Which tool a message is for, and with which arguments. No model: words decide.
///
/// Steps: a tool gets three points for each word of its name or title that is in the message, one for each word of its
/// description; operators of an arithmetic expression count as the words for them (`+` as add, plus, sum). It needs a
/// word of its name or two of its description. The tool with the most points whose required arguments can all be filled is
/// taken, the earlier one in the server's list if two have as many.
///
/// Arguments, in the schema's order: a word of an enumeration; the next number; `true` where a boolean is required; for
/// texts, by the argument's name, the arithmetic expression, a date, an account number, the words behind `in` or `at` for a
/// place, else the next quoted text, else what stands behind `for` or `about`, else the whole message. What is not
/// required and not plainly there is left out.
struct ToolChooser {
    let text: String
    let analysis: LanguageAnalysis

    struct Choice: Hashable {
        var tool: Tool
        var arguments: JSONObject
    }

    func choose(among tools: [Tool]) -> Choice? {
        let words = messageWords
        let ranked = tools.map { (tool: $0, score: Self.score($0, words)) }.filter { $0.score > 0 }
            .enumerated().sorted { ($0.element.score, $1.offset) > ($1.element.score, $0.offset) }
        for (_, candidate) in ranked {
            var filler = ArgumentFiller(text: text, analysis: analysis)
            if let arguments = filler.fill(candidate.tool.inputSchema) {
                return Choice(tool: candidate.tool, arguments: arguments)
            }
        }
        return nil
    }

    // MARK: Points

    private static func score(_ tool: Tool, _ words: Set<String>) -> Int {
        let named = Set((Self.words(tool.name) + Self.words(tool.title)).map(stem))
        let described = Set(Self.words(tool.description).map(stem)).subtracting(named).subtracting(common)
        let (names, descriptions) = (named.intersection(words).count, described.intersection(words).count)
        guard names >= 1 || descriptions >= 2 else { return 0 }
        return 3 * names + descriptions
    }

    private var messageWords: Set<String> {
        var words = Set(analysis.tokens.map(Self.stem)).subtracting(Self.common)
        for symbol in Calculator.Question(analysis.utterance.tokens)?.symbols ?? [] {
            switch symbol {
            case .plus: words.formUnion(["add", "plus", "sum", "addition"])
            case .minus: words.formUnion(["subtract", "minus", "difference", "subtraction"])
            case .times, .of: words.formUnion(["multiply", "multipli", "time", "product"])
            case .divide: words.formUnion(["divide", "division", "quotient"])
            case .power: words.formUnion(["power", "exponent"])
            case .percent: words.formUnion(["percent", "percentage"])
            default: continue
            }
            words.formUnion(["calculate", "calculator", "arithmetic"].map(Self.stem))
        }
        return words
    }

    private static let common: Set<String> = [
        "a", "an", "the", "of", "to", "in", "for", "on", "and", "or", "is", "are", "be", "by", "with", "what", "how",
        "me", "my", "i", "you", "please", "can", "could", "do", "it", "that", "thi", "give", "get", "return", "tool",
        "use",
        "from", "at", "as", "two", "one", "tell", "number", "value", "us", "given", "your",
    ]

    /// Words of a name (`getWeather`, `get_weather`, `get-weather`) or a text, in small letters.
    static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var lastWasSmall = false
        for scalar in text.unicodeScalars {
            let isCapital = scalar.properties.isUppercase
            if !scalar.isLetter && !scalar.isDigit || isCapital && lastWasSmall {
                if !word.isEmpty { words.append(word.lowercased()) }
                word = ""
            }
            if scalar.isLetter || scalar.isDigit { word.unicodeScalars.append(scalar) }
            lastWasSmall = !isCapital
        }
        if !word.isEmpty { words.append(word.lowercased()) }
        return words
    }

    /// Without the commonest endings, so that `searches` meets `search` and `converting` meets `convert`.
    private static func stem(_ word: String) -> String {
        for ending in ["ing", "es", "ed", "s", "e"]
        where word.hasSuffix(ending) && word.utf8.count > ending.utf8.count + 2 {
            return String(word.dropLast(ending.count))
        }
        return word
    }
}

/// Fills a tool's input schema from a message. Numbers and quoted texts are used up in their order.
struct ArgumentFiller {
    private let text: String
    private let analysis: LanguageAnalysis
    private var numbers: ArraySlice<String>
    private var quoted: ArraySlice<String>

    init(text: String, analysis: LanguageAnalysis) {
        self.text = text
        self.analysis = analysis
        numbers =
            analysis.mentions.compactMap { mention in
                switch mention.what {
                case .number(let text), .accountNumber(let text): text
                case .money(let money): money.decimal
                case .date: nil
                }
            }[...]
        let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
        quoted =
            parts.enumerated().compactMap { index, part in
                index % 2 == 1 && index + 1 < parts.count && !part.isEmpty ? String(part) : nil
            }[...]
    }

    /// - Returns: nil if a required argument cannot be found.
    mutating func fill(_ schema: JSONObject) -> JSONObject? {
        var arguments = JSONObject()
        guard case .object(let properties)? = schema["properties"] else { return arguments }
        var required: Set<String> = []
        if case .array(let names)? = schema["required"] { required = Set(names.compactMap(\.string)) }
        for (name, property) in zip(properties.keys, properties.values) {
            if let value = value(name, property, isRequired: required.contains(name)) {
                arguments[name] = value
            } else if required.contains(name) {
                return nil
            }
        }
        return arguments
    }

    private mutating func value(_ name: String, _ property: JSONValue, isRequired: Bool) -> JSONValue? {
        if case .array(let choices)? = property["enum"] {
            let words = Set(analysis.tokens)
            return choices.first { words.contains($0.string?.lowercased() ?? "") }
                ?? (isRequired ? property["default"] : nil)
        }
        switch Self.type(property) {
        case "number": return numbers.popFirst().flatMap { Double($0) }.map { .number($0) }
        case "integer":
            guard let next = numbers.first.flatMap({ Double($0) }), next == next.rounded() else { return nil }
            numbers.removeFirst()
            return .number(next)
        case "boolean": return isRequired ? .bool(true) : nil
        case "array":
            guard isRequired, let items = property["items"] else { return nil }
            if ["number", "integer"].contains(Self.type(items)) {
                defer { numbers = [] }
                let values = numbers.compactMap { Double($0) }.map { JSONValue.number($0) }
                return values.isEmpty ? nil : .array(values)
            }
            return string(name, isRequired: true).map { .array([.string($0)]) }
        case "string", nil: return string(name, isRequired: isRequired).map { .string($0) }
        default: return nil
        }
    }

    /// The type; of several, or of alternatives, the first that is not null.
    private static func type(_ property: JSONValue) -> String? {
        switch property["type"] {
        case .string(let type)?: return type
        case .array(let types)?: return types.lazy.compactMap(\.string).first { $0 != "null" }
        default:
            guard case .array(let alternatives)? = property["anyOf"] ?? property["oneOf"] else { return nil }
            return alternatives.lazy.compactMap { $0["type"]?.string }.first { $0 != "null" }
        }
    }

    private mutating func string(_ name: String, isRequired: Bool) -> String? {
        let parts = Set(ToolChooser.words(name))
        func isNamed(_ names: Set<String>) -> Bool { !parts.isDisjoint(with: names) }
        if isNamed(["expression", "formula", "equation", "calculation"]) {
            return Calculator.Question(analysis.utterance.tokens)?.spelling
        }
        if isNamed(["date", "day", "when"]), let date = analysis.dates.first { return date }
        if isNamed(["account", "iban"]), let number = analysis.accountNumbers.first { return number }
        if let next = quoted.popFirst() { return next }
        if isNamed(["city", "location", "place", "country", "region", "town", "address"]) {
            return words(behind: ["in", "at", "near", "for"]) ?? (isRequired ? lastWord : nil)
        }
        guard isRequired else { return nil }
        if isNamed(["message", "text", "prompt", "input", "content", "question"]) { return text }
        return words(behind: ["for", "about", "up", "of", "search"]) ?? text
    }

    /// What stands behind the first of the words, as it was written.
    private func words(behind signals: Set<String>) -> String? {
        let words = text.split { $0 == " " || $0 == "\n" }
        guard let place = words.firstIndex(where: { signals.contains($0.lowercased()) }), place + 1 < words.count else {
            return nil
        }
        return Self.trimmed(words[(place + 1)...].joined(separator: " "))
    }

    private var lastWord: String? { text.split { $0 == " " || $0 == "\n" }.last.map { Self.trimmed(String($0)) } }

    private static func trimmed(_ text: String) -> String {
        var text = text[...]
        while let last = text.last, ".?!,;".contains(last) { text.removeLast() }
        return String(text)
    }
}
