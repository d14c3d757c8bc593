/// A JSON document that has been validated and is kept as its bytes: no tree, no re-encoding when it is sent on.
package struct RawJSON: Hashable, Sendable {
    /// Compact or not, but always one valid JSON value in UTF-8.
    package let bytes: ArraySlice<UInt8>

    /// - Throws: `JSONError` if `text` is not one JSON value within `limits`.
    package init(validating text: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
        var scanner = JSONScanner(text.span, limits: limits)
        _ = try scanner.document()
        bytes = text[...]
    }

    /// A value as compact text.
    package init(_ value: JSONValue) { bytes = value.serialized[...] }

    /// Bytes that were validated before they were stored.
    init(stored bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// The document is text that the caller's scanner has validated.
    package init(scanned bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    package static let emptyObject = RawJSON(stored: Array("{}".utf8)[...])

    package static func == (a: RawJSON, b: RawJSON) -> Bool { a.bytes.elementsEqual(b.bytes) }
}
