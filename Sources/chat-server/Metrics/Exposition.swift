/// The text format of Prometheus, version 0.0.4: `# HELP`, `# TYPE`, then a line for each sample.

func appendHead(name: String, help: String, kind: MetricKind, to text: inout String) {
    text += "# HELP \(name) "
    for character in help.unicodeScalars {
        switch character {
        case "\\": text += "\\\\"
        case "\n": text += "\\n"
        default: text.unicodeScalars.append(character)
        }
    }
    text += "\n# TYPE \(name) \(kind.rawValue)\n"
}

func appendSample(name: String, labels: [(String, String)], value: String, to text: inout String) {
    text += name
    for (index, (label, labelValue)) in labels.enumerated() {
        text += index == 0 ? "{" : ","
        text += "\(label)=\""
        for character in labelValue.unicodeScalars {
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(character)
            }
        }
        text += "\""
    }
    if !labels.isEmpty { text += "}" }
    text += " \(value)\n"
}

/// Whole numbers without a point, as people expect them; the special values as the format spells them.
func numberText(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    if let whole = Int64(exactly: value) { return "\(whole)" }
    return "\(value)"
}

extension Counter: Instrument {
    func appendSamples(name: String, labels: [(String, String)], to text: inout String) {
        appendSample(name: name, labels: labels, value: "\(value)", to: &text)
    }
}

extension Gauge: Instrument {
    func appendSamples(name: String, labels: [(String, String)], to text: inout String) {
        appendSample(name: name, labels: labels, value: "\(value)", to: &text)
    }
}

extension Histogram: Instrument {
    func appendSamples(name: String, labels: [(String, String)], to text: inout String) {
        reading.appendSamples(name: name, labels: labels, to: &text)
    }
}

extension Histogram.Reading {
    func appendSamples(name: String, labels: [(String, String)], to text: inout String) {
        let bounds = bounds.map(numberText) + ["+Inf"]
        for (bound, count) in zip(bounds, cumulative) {
            appendSample(name: name + "_bucket", labels: labels + [("le", bound)], value: "\(count)", to: &text)
        }
        appendSample(name: name + "_sum", labels: labels, value: numberText(sum), to: &text)
        appendSample(name: name + "_count", labels: labels, value: "\(cumulative.last ?? 0)", to: &text)
    }
}
