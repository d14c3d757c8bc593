import HTTPTransport
import TestSupport
import Testing

@Suite struct RouterTests {
    static let routes = [
        ("GET", "/"), ("GET", "/health"), ("POST", "/api/sessions/create"), ("GET", "/api/sessions/list"),
        ("GET", "/api/sessions/messages"), ("GET", "/api/sessions/:sessionId"), ("DELETE", "/api/sessions/:id"),
        ("GET", "/api/:kind/:id/end"), ("GET", "/docs/*file"),
    ]

    static let router: Router = {
        var router = Router()
        for (method, pattern) in routes { router.add(method, pattern) }
        return router
    }()

    /// method, path, what is found: the pattern and the parameters, or why nothing is.
    static let table: [(String, String, String)] = [
        ("GET", "/", "/"), ("HEAD", "/health", "/health"), ("GET", "/HEALTH/", "/health"),
        ("GET", "/health//", "notFound"), ("GET", "//health", "notFound"), ("GET", "/healthy", "notFound"),
        ("GET", "/api/sessions/list", "/api/sessions/list"), ("GET", "/API/Sessions/LIST/", "/api/sessions/list"),
        ("GET", "/api/sessions/%6Cist", "/api/sessions/:sessionId sessionId=list"),
        ("GET", "/api/sessions/create", "/api/sessions/:sessionId sessionId=create"),
        ("GET", "/api/sessions/AbC", "/api/sessions/:sessionId sessionId=AbC"),
        ("GET", "/api/sessions/a%2Fb%20c", "/api/sessions/:sessionId sessionId=a/b c"),
        ("GET", "/api/sessions/a+b", "/api/sessions/:sessionId sessionId=a+b"),
        ("GET", "/api/sessions/%C3%A4", "/api/sessions/:sessionId sessionId=ä"),
        ("GET", "/api/sessions/%E0", "bad %E0"), ("GET", "/api/sessions/%", "bad %"),
        ("GET", "/api/sessions/%zz", "bad %zz"),
        ("POST", "/api/sessions/%E0", "bad %E0"), ("GET", "/api/sessions/%C0%AF", "bad %C0%AF"),
        ("POST", "/api/sessions/x", "methods GET,DELETE"), ("PUT", "/health", "methods GET"),
        ("DELETE", "/api/sessions/x", "/api/sessions/:id id=x"), ("GET", "/api/sessions", "notFound"),
        ("GET", "/api/sessions/", "notFound"), ("GET", "/api/sessions//", "notFound"),
        ("GET", "/api//x/end", "notFound"),
        ("GET", "/api/a/b/end", "/api/:kind/:id/end kind=a id=b"), ("GET", "/docs/a/b.js", "/docs/*file file=a/b.js"),
        ("GET", "/docs", "notFound"), ("GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r", "notFound"),
        ("GET", "x", "notFound"),
    ]

    @Test(arguments: table)
    func finds(_ method: String, _ path: String, _ expected: String) {
        let found: String
        switch Self.router.find(method: method, path: path) {
        case .matched(let match):
            #expect(Self.routes[match.route] == (method == "HEAD" ? "GET" : method, match.pattern))
            let names = match.pattern.split(separator: "/").filter { $0.first == ":" || $0.first == "*" }
            found =
                ([match.pattern] + names.map { "\($0.dropFirst())=\(match.parameters[String($0.dropFirst())] ?? "?")" })
                .joined(separator: " ")
        case .badParameter(_, let raw): found = "bad \(raw)"
        case .methodNotAllowed(let allowed): found = "methods \(allowed.joined(separator: ","))"
        case .notFound: found = "notFound"
        }
        #expect(found == expected)
        let request = Request(method: method, target: path)
        #expect(Self.router.knows(request) == (expected != "notFound"))
        // No route of that path has POST; the broken parameter only shows before the method does.
        let isMethodKnown =
            expected != "notFound" && !expected.hasPrefix("methods") && (method, path) != ("POST", "/api/sessions/%E0")
        #expect((Self.router.pattern(of: request) != nil) == isMethodKnown)
    }

    @Test func headMayBeAnotherMethod() {
        var options = RouterOptions()
        options.answersHead = false
        var router = Router(options: options)
        router.add("GET", "/a")
        guard case .methodNotAllowed(allowed: ["GET"]) = router.find(method: "HEAD", path: "/a") else {
            Issue.record("HEAD was answered")
            return
        }
    }

    @Test func wordsMayBeExact() {
        var options = RouterOptions()
        options.caseInsensitive = false
        options.ignoreTrailingSlash = false
        var router = Router(options: options)
        router.add("GET", "/Aa")
        for (path, isFound) in [("/Aa", true), ("/aa", false), ("/Aa/", false)] {
            guard case .matched = router.find(method: "GET", path: path) else {
                #expect(!isFound)
                continue
            }
            #expect(isFound)
        }
    }

    @Test func targetsOfEveryForm() {
        for (target, path, query) in [
            ("/a?b=c?d", "/a", "b=c?d"), ("/a?", "/a", ""), ("http://h:1/x/y?z", "/x/y", "z"), ("HTTP://h", "", ""),
            ("https://h?q", "", "q"), ("*", "*", ""),
        ] {
            let request = Request(target: target)
            #expect(request.path == path)
            #expect(request.query == query)
            #expect(request.target == target)
        }
        let items = Request(target: "/?a=1&b=x+y%20z&&c&d=%zz&a=2&=e&%C3%A4=%26").queryItems.map {
            "\($0.name)=\($0.value)"
        }
        #expect(items == ["a=1", "b=x y z", "c=", "d=%zz", "a=2", "=e", "ä=&"])
    }
}
