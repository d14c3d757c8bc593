/// Adds the same fields to every reply, in the given order. Which ones is the API's to say.
package struct SecurityHeaders: Sendable {
    private let block: HeaderBlock

    package init(_ fields: [(name: String, value: String)]) {
        block = HeaderBlock(fields)
    }

    package var middleware: Middleware {
        { [block] next in
            { request, exchange in
                exchange.addHeaders(block)
                next(request, exchange)
            }
        }
    }
}
