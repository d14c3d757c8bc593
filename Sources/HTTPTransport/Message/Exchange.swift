/// The other half of a request: where its one reply goes.
///
/// A handler calls `respond` once, inside its call (answered at once, nothing is suspended) or later from any thread
/// (the connection is suspended meanwhile and the event loop resumes it). A second call is ignored. An exchange that
/// is dropped without a reply answers 500.
package protocol Exchange: AnyObject, Sendable {
    /// Adds a header field that leaves before the fields of the response, in the order of the calls. Middleware uses
    /// it for headers that every reply gets; after `respond` it has no effect.
    func addHeader(_ name: String, _ value: String)

    /// Adds fields that were put into wire form once.
    func addHeaders(_ block: HeaderBlock)

    /// Forgets the fields added so far.
    func removeHeaders()

    /// Has `action` called, once and on the event loop's thread, if the client goes away before there is a reply; at once
    /// if it has gone already. It must not block. (A stream has a notice of its own: `BodyStream.onDisconnect`.)
    func onDisconnect(_ action: @escaping @Sendable () -> Void)

    /// Says what the log may call the request, and who sends it; later calls add to earlier ones.
    func identify(_ identity: RequestIdentity)

    func respond(_ response: Response)

    /// Has `work` called once, on the event loop's thread where the connection waits there, else here: a thread that many
    /// requests wait for hands over what is still to be done for one of them, such as writing its reply. It must not
    /// block. It is called even where the client has gone.
    func onLoop(_ work: @escaping @Sendable () -> Void)
}

package struct RequestIdentity: Sendable {
    package var requestID: String?
    package var tenant: String?
    package var user: String?

    package init(requestID: String? = nil, tenant: String? = nil, user: String? = nil) {
        self.requestID = requestID
        self.tenant = tenant
        self.user = user
    }
}

extension Exchange {
    /// Where nothing is logged.
    package func identify(_ identity: RequestIdentity) {}

    /// Where there is no connection nobody goes.
    package func onDisconnect(_ action: @escaping @Sendable () -> Void) {}

    /// Where there is no connection there is no loop.
    package func onLoop(_ work: @escaping @Sendable () -> Void) { work() }
}

package typealias Handler = @Sendable (Request, any Exchange) -> Void

/// Wraps a handler: may answer by itself, add headers, or hand on an exchange that changes the reply on its way out.
package typealias Middleware = @Sendable (@escaping Handler) -> Handler

/// `handler` inside `middleware`, the first one outermost.
package func compose(_ middleware: [Middleware], _ handler: @escaping Handler) -> Handler {
    middleware.reversed().reduce(handler) { inner, wrap in wrap(inner) }
}

/// An exchange whose reply passes through a function on its way out, on the thread that responds.
package final class TransformingExchange: Exchange {
    private let base: any Exchange
    private let transform: @Sendable (inout Response) -> Void

    package init(_ base: any Exchange, _ transform: @escaping @Sendable (inout Response) -> Void) {
        self.base = base
        self.transform = transform
    }

    package func addHeader(_ name: String, _ value: String) { base.addHeader(name, value) }
    package func addHeaders(_ block: HeaderBlock) { base.addHeaders(block) }
    package func removeHeaders() { base.removeHeaders() }
    package func onDisconnect(_ action: @escaping @Sendable () -> Void) { base.onDisconnect(action) }
    package func onLoop(_ work: @escaping @Sendable () -> Void) { base.onLoop(work) }
    package func identify(_ identity: RequestIdentity) { base.identify(identity) }

    package func respond(_ response: Response) {
        var response = response
        transform(&response)
        base.respond(response)
    }
}
