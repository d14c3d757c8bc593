#if !Upstream
/// Without the package's trait `Upstream` there is no libcurl, and nothing is sent.
package final class HTTPClient: Sendable {
    package static let isBuiltIn = false

    package init?() { nil }

    package func start(_ request: UpstreamRequest, delegate: any UpstreamDelegate) -> UpstreamTransfer {
        delegate.ended(.failure(UpstreamFailure(message: "this program was built without a client")))
        return UpstreamTransfer()
    }

    package func shutDown() {}
}

package final class UpstreamTransfer: Sendable {
    package func cancel() {}
}
#endif
