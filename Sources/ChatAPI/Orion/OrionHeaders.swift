internal import HTTPTransport

/// The header fields that orion's clients see on every reply: helmet 7.2.0 and cors 2.8.5 as the original sets them up.
enum OrionHeaders {
    static let security: [(name: String, value: String)] = [
        (
            "Content-Security-Policy",
            "default-src 'self';style-src 'self' 'unsafe-inline';script-src 'self';img-src 'self' data: https:;"
                + "base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';"
                + "object-src 'none';script-src-attr 'none';upgrade-insecure-requests"
        ),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Origin-Agent-Cluster", "?1"),
        ("Referrer-Policy", "no-referrer"),
        ("Strict-Transport-Security", "max-age=15552000; includeSubDomains"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-DNS-Prefetch-Control", "off"),
        ("X-Download-Options", "noopen"),
        ("X-Frame-Options", "SAMEORIGIN"),
        ("X-Permitted-Cross-Domain-Policies", "none"),
        ("X-XSS-Protection", "0"),
    ]

    static func cors(_ configuration: OrionConfiguration) -> CORS {
        var cors = CORS(
            origins: .only(exact: configuration.allowedOrigins, patterns: configuration.originPatterns))
        cors.foreignOrigin = .refused { OrionReply.foreignOrigin($0).responseWithTag }
        cors.methods = "GET,POST,PUT,DELETE,OPTIONS"
        cors.allowedHeaders = .fixed("Content-Type,Authorization,X-Requested-With,x-request-id")
        cors.exposedHeaders = "Content-Length,X-Request-Id"
        cors.maxAgeSeconds = 86400
        cors.preflightStatus = configuration.tokens == nil ? 204 : 200
        return cors
    }
}
