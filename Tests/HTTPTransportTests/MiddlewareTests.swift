import HTTPTransport
import TestSupport
import Testing

@Suite struct MiddlewareTests {
    private func reply(_ middleware: [Middleware], _ request: Request) async -> Response {
        let exchange = RecordingExchange()
        compose(middleware) { _, exchange in exchange.respond(Response(status: 200, headers: [("Own", "1")])) }(
            request, exchange)
        return await exchange.reply()
    }

    private func lines(_ response: Response) -> [String] {
        ["\(response.status)"] + response.headers.map { "\($0.name): \($0.value)" }
    }

    /// The first API's policy.
    private var exact: CORS {
        var cors = CORS(
            origins: .only(
                exact: ["http://localhost:3000"],
                patterns: ["https://*.vercel.app", "https://*.sidekickportal.com"]))
        cors.foreignOrigin = .refused { Response(status: 403, json: #"{"origin":"\#($0)"}"#) }
        cors.methods = "GET,POST,PUT,DELETE,OPTIONS"
        cors.allowedHeaders = .fixed("Content-Type,Authorization")
        cors.exposedHeaders = "Content-Length,X-Request-Id"
        cors.maxAgeSeconds = 86400
        return cors
    }

    @Test(arguments: [
        ("http://localhost:3000", true), ("https://a.vercel.app", true), ("https://a.b/c.vercel.app", true),
        ("https://.vercel.app", true), ("https://vercel.app", false), ("http://a.vercel.app", false), ("null", false),
        ("https://a.vercel.app:1", false), ("https://a.vercel.app/", false), ("http://localhost:3002", false),
        ("https://A.VERCEL.APP", false),
    ])
    func exactAndPatternOrigins(_ origin: String, _ isAllowed: Bool) async {
        let response = await reply([exact.middleware], Request(target: "/", headers: [("Origin", origin)]))
        if isAllowed {
            #expect(
                lines(response) == [
                    "200", "Access-Control-Allow-Origin: \(origin)", "Vary: Origin",
                    "Access-Control-Allow-Credentials: true",
                    "Access-Control-Expose-Headers: Content-Length,X-Request-Id", "Own: 1",
                ])
        } else {
            #expect(lines(response) == ["403", "Content-Type: application/json; charset=utf-8"])
        }
    }

    @Test(arguments: [[], [("Origin", "")]])
    func noOriginIsServed(_ headers: [(String, String)]) async {
        let request = Request(target: "/", headers: headers.map { (name: $0.0, value: $0.1) })
        #expect(
            await lines(reply([exact.middleware], request)) == [
                "200", "Vary: Origin", "Access-Control-Allow-Credentials: true",
                "Access-Control-Expose-Headers: Content-Length,X-Request-Id", "Own: 1",
            ])
    }

    @Test func preflights() async {
        let asked = [("Origin", "http://localhost:3000"), ("Access-Control-Request-Headers", "x-a, x-b")]
            .map { (name: $0.0, value: $0.1) }
        #expect(
            await lines(reply([exact.middleware], Request(method: "OPTIONS", target: "/", headers: asked))) == [
                "204", "Access-Control-Allow-Origin: http://localhost:3000", "Vary: Origin",
                "Access-Control-Allow-Credentials: true", "Access-Control-Allow-Methods: GET,POST,PUT,DELETE,OPTIONS",
                "Access-Control-Allow-Headers: Content-Type,Authorization", "Access-Control-Max-Age: 86400",
                "Access-Control-Expose-Headers: Content-Length,X-Request-Id", "Content-Length: 0",
            ])
        // The package's defaults with a whitelist array.
        let list = CORS(origins: .only(exact: ["http://a"], patterns: []))
        #expect(
            await lines(reply([list.middleware], Request(method: "OPTIONS", target: "/", headers: asked))) == [
                "204", "Vary: Origin, Access-Control-Request-Headers", "Access-Control-Allow-Credentials: true",
                "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE",
                "Access-Control-Allow-Headers: x-a, x-b",
                "Content-Length: 0",
            ])
        var ignoring = list
        ignoring.foreignOrigin = .ignored
        #expect(
            await lines(reply([ignoring.middleware], Request(method: "OPTIONS", target: "/", headers: asked)))
                == ["200", "Own: 1"])
    }

    @Test func orderOfHeadersIsTheOrderOfMiddleware() async {
        let headers = SecurityHeaders([("S-1", "a:b"), ("S-2", "c")])
        let limit: Middleware = { next in
            { request, exchange in
                RateLimitHeaders(
                    limit: 200, remaining: 199, windowSeconds: 900, resetMilliseconds: 899_001, resetAtMilliseconds: 1
                )
                .add(.draft6, to: exchange)
                next(request, exchange)
            }
        }
        #expect(
            await lines(reply([headers.middleware, limit, tagging], Request(target: "/"))) == [
                "200", "S-1: a:b", "S-2: c", "RateLimit-Policy: 200;w=900", "RateLimit-Limit: 200",
                "RateLimit-Remaining: 199",
                "RateLimit-Reset: 900", "Own: 1",
            ])
    }

    @Test func rateLimitStyles() async {
        let headers = RateLimitHeaders(
            limit: 2, remaining: 1, windowSeconds: 900, resetMilliseconds: 900_000,
            resetAtMilliseconds: 1_700_000_000_001)
        func added(_ style: RateLimitHeaders.Style) async -> [String] {
            let exchange = RecordingExchange()
            headers.add(style, to: exchange)
            exchange.respond(Response(status: 200))
            return await Array(lines(exchange.reply()).dropFirst())
        }
        #expect(
            await added(.legacy) == [
                "X-RateLimit-Limit: 2", "X-RateLimit-Remaining: 1", "X-RateLimit-Reset: 1700000001",
            ])
        #expect(await added(.draft7) == ["RateLimit-Policy: 2;w=900", "RateLimit: limit=2, remaining=1, reset=900"])
    }

    @Test func clientBehindProxies() throws {
        let trusted = try [
            #require(AddressBlock("10.0.0.0/8")), #require(AddressBlock("127.0.0.1")),
            #require(AddressBlock("2001:db8::/32")),
        ]
        func ip(_ forwarded: [String], trusting: [AddressBlock]) -> String {
            Request(target: "/", headers: forwarded.map { ("X-Forwarded-For", $0) }).clientIP(trusting: trusting)
        }
        #expect(ip(["1.2.3.4"], trusting: []) == "127.0.0.1")
        #expect(ip([], trusting: trusted) == "127.0.0.1")
        #expect(ip(["6.6.6.6, 1.2.3.4, 10.9.9.9"], trusting: trusted) == "1.2.3.4")
        #expect(ip(["6.6.6.6", "1.2.3.4", "2001:db8::5"], trusting: trusted) == "1.2.3.4")
        #expect(ip(["2001:DB9::1"], trusting: trusted) == "2001:db9::1")
        #expect(ip(["1.2.3.4, rubbish"], trusting: trusted) == "127.0.0.1")
        #expect(ip(["10.0.0.7, 10.0.0.8"], trusting: trusted) == "10.0.0.7")
        for text in ["10.0.0.0/33", "10.0.0.0/", "x/8", "::/129", "1.2.3.4/8/8", ""] {
            #expect(AddressBlock(text) == nil)
        }
    }

    @Test func cryptography() {
        func hex(_ bytes: [UInt8]) -> String {
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        let abc = Array("abc".utf8)
        #expect(hex(Cryptography.sha1(abc)) == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(hex(Cryptography.sha1([])) == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
        #expect(hex(Cryptography.sha256(abc)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        // RFC 4231, case 2.
        #expect(
            hex(Cryptography.hmacSHA256(key: Array("Jefe".utf8), Array("what do ya want for nothing?".utf8)))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(Cryptography.constantTimeEquals(abc, abc))
        #expect(!Cryptography.constantTimeEquals(abc, [97, 98, 100]))
        #expect(!Cryptography.constantTimeEquals(abc, [97, 98]))
        #expect(Cryptography.randomBytes(32) != Cryptography.randomBytes(32))
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func base64(_ plain: String, _ encoded: String) {
        let bytes = Array(plain.utf8)
        #expect(Base64.encode(bytes) == encoded)
        #expect(Base64.decode(encoded) == bytes)
        let url = String(encoded.prefix { $0 != "=" })
        #expect(Base64.encodeURL(bytes) == url)
        #expect(Base64.decodeURL(url) == bytes)
    }

    @Test func base64IsStrict() {
        for text in ["Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v\n", "Zm9-", "Zm 9v", "=", "====", "Zg==Zg=="] {
            #expect(Base64.decode(text) == nil, "\(text)")
        }
        for text in ["Z", "Zg==", "Zh", "Zm9+", "Zm9/"] { #expect(Base64.decodeURL(text) == nil, "\(text)") }
        #expect(Base64.decodeURL("-_8") == [0xFB, 0xFF])
    }
}
