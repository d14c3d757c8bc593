internal import ChatEngine

/// An event as one line of text, the line end included.
///
/// Invariant: whatever the event holds, the line has exactly one line feed, its last byte, and no other control
/// character: a client cannot forge lines or drive the operator's terminal.
enum LogFormatter: Sendable {
    /// One JSON object a line.
    case json
    /// `12:30:15.123 info  message  key=value …`, for a terminal.
    case human(colours: Bool)

    /// - Parameter milliseconds: since 1970-01-01T00:00:00Z.
    func append(_ event: LogEvent, milliseconds: Int64, to line: inout [UInt8]) {
        switch self {
        case .json: appendJSON(event, milliseconds: milliseconds, to: &line)
        case .human(let colours): appendHuman(event, milliseconds: milliseconds, colours: colours, to: &line)
        }
        line.append(0x0A)
    }

    private func appendJSON(_ event: LogEvent, milliseconds: Int64, to line: inout [UInt8]) {
        appendConstant("{\"timestamp\":\"", to: &line)
        appendTimestamp(milliseconds, to: &line)
        appendConstant("\",\"level\":\"", to: &line)
        line.append(contentsOf: event.level.name.utf8)
        appendConstant("\",\"message\":", to: &line)
        appendJSONString(event.message, to: &line)
        event.forEachAttribute { name, value in
            appendConstant(",\"", to: &line)
            appendConstant(name, to: &line)
            appendConstant("\":", to: &line)
            value.appendJSON(to: &line)
        }
        for (name, value) in event.fields {
            appendConstant(",", to: &line)
            appendJSONString(name, to: &line)
            appendConstant(":", to: &line)
            value.appendJSON(to: &line)
        }
        appendConstant("}", to: &line)
    }

    private func appendHuman(_ event: LogEvent, milliseconds: Int64, colours: Bool, to line: inout [UInt8]) {
        appendTimeOfDay(milliseconds, to: &line)
        let colour =
            switch event.level {
            case .debug: "\u{1B}[2m"
            case .info: "\u{1B}[32m"
            case .warning: "\u{1B}[33m"
            case .error: "\u{1B}[31m"
            }
        line.append(0x20)
        if colours { line.append(contentsOf: colour.utf8) }
        line.append(contentsOf: event.level.name.utf8)
        if colours { line.append(contentsOf: "\u{1B}[0m".utf8) }
        line.append(contentsOf: repeatElement(0x20, count: 8 - event.level.name.utf8.count))
        appendPrintable(event.message, to: &line)
        var fields: [(name: String, value: LogValue)] = []
        event.forEachAttribute { name, value in fields.append((name.description, value)) }
        var separator = "  "
        for (name, value) in fields + event.fields {
            line.append(contentsOf: separator.utf8)
            separator = " "
            appendPrintable(name, to: &line)
            line.append(UInt8(ascii: "="))
            if case .string(let text) = value {
                let isWord =
                    !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 != 0x7F }
                if isWord { appendPrintable(text, to: &line) } else { appendJSONString(text, to: &line) }
            } else {
                value.appendPlain(to: &line)
            }
        }
    }
}

extension LogEvent {
    /// The named attributes that are set; the names are those of docs/operating.md.
    fileprivate func forEachAttribute(_ body: (StaticString, LogValue) -> Void) {
        if let requestID { body("request_id", .string(requestID)) }
        if let surface { body("surface", .string(surface)) }
        if let tenant { body("tenant_id", .string(tenant)) }
        if let user { body("user_id", .string(user)) }
        if let method { body("method", .string(method)) }
        if let route { body("route", .string(route)) }
        if let status { body("status", .integer(Int64(status))) }
        if let durationMicroseconds { body("duration_ms", .thousandths(durationMicroseconds)) }
    }
}

/// Text of the formatter's own, copied in one go.
private func appendConstant(_ text: StaticString, to line: inout [UInt8]) {
    text.withUTF8Buffer { line.append(contentsOf: $0) }
}

extension LogValue {
    fileprivate func appendJSON(to line: inout [UInt8]) {
        if case .string(let text) = self { appendJSONString(text, to: &line) } else { appendPlain(to: &line) }
    }

    /// As JSON writes it; a number that JSON has no notation for is null. Strings are quoted elsewhere.
    fileprivate func appendPlain(to line: inout [UInt8]) {
        switch self {
        case .string(let value): line.append(contentsOf: value.utf8)
        case .integer(let value): line.append(decimal: value)
        case .double(let value): line.append(contentsOf: (value.isFinite ? "\(value)" : "null").utf8)
        case .thousandths(let value): appendThousandths(value, to: &line)
        case .boolean(let value): line.append(contentsOf: (value ? "true" : "false").utf8)
        }
    }
}

private func appendThousandths(_ value: Int64, to line: inout [UInt8]) {
    if value < 0 { line.append(UInt8(ascii: "-")) }
    line.append(decimal: Int64(value.magnitude / 1000))
    var rest = value.magnitude % 1000
    guard rest > 0 else { return }
    line.append(UInt8(ascii: "."))
    var power: UInt64 = 100
    while rest > 0 {
        line.append(UInt8(ascii: "0") + UInt8(rest / power))
        rest %= power
        power /= 10
    }
}

/// Appends `text` in quotes as JSON (RFC 8259 §7); DEL is escaped too, since terminals act on it.
func appendJSONString(_ text: String, to bytes: inout [UInt8]) {
    var text = text
    text.withUTF8 { utf8 in
        bytes.append(UInt8(ascii: "\""))
        if utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") && $0 != 0x7F }) {
            bytes.append(contentsOf: utf8)
        } else {
            for byte in utf8 { appendEscaped(byte, to: &bytes) }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

private func appendEscaped(_ byte: UInt8, to bytes: inout [UInt8]) {
    switch byte {
    case UInt8(ascii: "\""): bytes.append(contentsOf: "\\\"".utf8)
    case UInt8(ascii: "\\"): bytes.append(contentsOf: "\\\\".utf8)
    case 0x0A: bytes.append(contentsOf: "\\n".utf8)
    case 0x0D: bytes.append(contentsOf: "\\r".utf8)
    case 0x09: bytes.append(contentsOf: "\\t".utf8)
    case 0..<0x20, 0x7F:
        bytes.append(contentsOf: "\\u00".utf8)
        bytes.append(hexadecimalDigit(byte >> 4))
        bytes.append(hexadecimalDigit(byte & 0xF))
    default: bytes.append(byte)
    }
}

private func hexadecimalDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
}

/// Appends `text` with every control character as `?`.
private func appendPrintable(_ text: String, to bytes: inout [UInt8]) {
    for byte in text.utf8 { bytes.append(byte < 0x20 || byte == 0x7F ? UInt8(ascii: "?") : byte) }
}
