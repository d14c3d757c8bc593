/// Why a server could not start or could not listen.
package enum HTTPServerError: Error, Sendable, Equatable {
    case addressInUse(host: String, port: UInt16)
    /// Ports below 1024 need a privilege.
    case permissionDenied(host: String, port: UInt16)
    /// The address belongs to no interface of this machine.
    case addressNotAvailable(host: String, port: UInt16)
    /// Neither an IP address nor `localhost`.
    case invalidAddress(String)
    /// The certificate and the key are not PEM, or do not belong together.
    case invalidCertificate(String)
    /// A TLS listener was asked of a server that has no certificate.
    case noCertificate
    /// `listen` after `drain`.
    case stopped
    case system(call: String, errno: Int32)
}

extension HTTPServerError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .addressInUse(let host, let port): "\(host):\(port) is in use by another process"
        case .permissionDenied(let host, let port): "not permitted to listen on \(host):\(port)"
        case .addressNotAvailable(let host, let port): "\(host):\(port): this machine has no such address"
        case .invalidAddress(let host): "\(host) is not an IP address (nor localhost)"
        case .invalidCertificate(let reason): "TLS certificate or key refused: \(reason)"
        case .noCertificate: "a TLS listener needs a certificate and a key"
        case .stopped: "the server has been stopped"
        case .system(let call, let code): "\(call): \(System.message(code))"
        }
    }
}
