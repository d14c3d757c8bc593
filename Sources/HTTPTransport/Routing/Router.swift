// Routes as Express has them, found without building a string.
//
// A pattern is words and parameters between slashes, `/api/sessions/:id`; a last `*name` takes the rest of the path.
// Lookup:
//   1. cut the raw path at its slashes into ranges (one trailing slash may be ignored);
//   2. go through the routes with that many segments in the order of their declaration; the first whose words fit wins;
//   3. decode its parameters.
//
// Words are compared undecoded, so `/%6Cist` is not `/list`: it fits a parameter instead. An empty segment fits
// nothing. A parameter whose escapes are broken ends the lookup there, whatever the method.

/// The decoded parameters of a path.
package struct PathParameters: Sendable, Equatable {
    private var values: [String]
    private let names: [String]

    init(names: [String], values: [String]) {
        self.names = names
        self.values = values
    }

    package subscript(_ name: String) -> String? {
        names.firstIndex(of: name).map { values[$0] }
    }
}

package struct RouterOptions: Sendable {
    package var caseInsensitive = true
    package var ignoreTrailingSlash = true
    /// A GET route answers HEAD too, unless a HEAD route was declared before it.
    package var answersHead = true

    package init() {}
}

/// Finds the route of a method and a path. Routes go by their numbers, in the order in which they were added: a router
/// that were generic over what they lead to would run unspecialised for every other module.
package struct Router: Sendable {
    package struct Match: Sendable {
        package let route: Int
        /// The pattern as declared, for metrics and logs.
        package let pattern: String
        package let parameters: PathParameters
    }

    package enum Outcome: Sendable {
        case matched(Match)
        /// A parameter's percent-encoding is broken; `raw` is that segment as sent.
        case badParameter(pattern: String, raw: String)
        /// The path is known, with other methods.
        case methodNotAllowed(allowed: [String])
        case notFound
    }

    private enum Segment: Sendable {
        case word([UInt8])
        case parameter
        case rest
    }

    private struct Route: Sendable {
        let method: String
        let pattern: String
        let segments: [Segment]
        let names: [String]
        let number: Int
    }

    private let options: RouterOptions
    /// By number of segments; a route with `*` stands under every number, see `add`.
    private var routes: [[Route]] = Array(repeating: [], count: Router.maximumSegments + 1)
    package private(set) var count = 0

    /// Longer paths are not found: no API here has a deeper one.
    static let maximumSegments = 16

    package init(options: RouterOptions = RouterOptions()) {
        self.options = options
    }

    /// Adds a route.
    ///
    /// - Precondition: `pattern` begins with a slash, has at most 16 segments, and `*name` stands last.
    package mutating func add(_ method: String, _ pattern: String) {
        precondition(pattern.hasPrefix("/"), "a pattern begins with a slash")
        var segments: [Segment] = []
        var names: [String] = []
        let parts = pattern == "/" ? [] : pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        precondition(parts.count <= Router.maximumSegments, "a pattern has at most 16 segments")
        for (index, part) in parts.enumerated() {
            switch part.first {
            case ":":
                names.append(String(part.dropFirst()))
                segments.append(.parameter)
            case "*":
                precondition(index == parts.count - 1, "only the last segment can take the rest")
                names.append(String(part.dropFirst()))
                segments.append(.rest)
            default: segments.append(.word(Array(options.caseInsensitive ? part.lowercased().utf8 : String(part).utf8)))
            }
        }
        let route = Route(method: method, pattern: pattern, segments: segments, names: names, number: count)
        count += 1
        if case .rest? = segments.last {
            for count in segments.count...Router.maximumSegments { routes[count].append(route) }
        } else {
            routes[segments.count].append(route)
        }
    }

    /// - Complexity: O(routes with as many segments); allocates for parameters only.
    package func find(_ request: Request) -> Outcome {
        find(method: request.method, path: request.pathBytes)
    }

    /// The same for a path given as text, for tests.
    package func find(method: String, path: String) -> Outcome {
        find(method: method, path: Array(path.utf8)[...])
    }

    private func find(method: String, path: ArraySlice<UInt8>) -> Outcome {
        var segments = SegmentRanges()
        guard segments.cut(path, ignoreTrailingSlash: options.ignoreTrailingSlash) else { return .notFound }
        var allowed: [String] = []
        for route in routes[segments.count] where fits(route, segments, path.span, path.startIndex) {
            var values: [String] = []
            if !route.names.isEmpty {
                switch decode(route, segments, path) {
                case .success(let decoded): values = decoded
                case .failure(let broken): return .badParameter(pattern: route.pattern, raw: broken.raw)
                }
            }
            if answers(route, method) {
                return .matched(
                    Match(
                        route: route.number, pattern: route.pattern,
                        parameters: PathParameters(names: route.names, values: values)))
            }
            if !allowed.contains(route.method) { allowed.append(route.method) }
        }
        return allowed.isEmpty ? .notFound : .methodNotAllowed(allowed: allowed)
    }

    /// The pattern that the request goes to, whether or not its parameters can be decoded; nil if none has its path and
    /// method.
    package func pattern(of request: Request) -> String? {
        firstRoute(on: request.pathBytes) { answers($0, request.method) }?.pattern
    }

    /// Whether a route has the request's path and `method`.
    package func answers(_ request: Request, method: String) -> Bool {
        firstRoute(on: request.pathBytes) { answers($0, method) } != nil
    }

    /// Whether a route has the request's path, with whatever method.
    package func knows(_ request: Request) -> Bool { firstRoute(on: request.pathBytes) { _ in true } != nil }

    private func firstRoute(on path: ArraySlice<UInt8>, where isWanted: (Route) -> Bool) -> Route? {
        var segments = SegmentRanges()
        guard segments.cut(path, ignoreTrailingSlash: options.ignoreTrailingSlash) else { return nil }
        for route in routes[segments.count] where fits(route, segments, path.span, path.startIndex) && isWanted(route) {
            return route
        }
        return nil
    }

    private func answers(_ route: Route, _ method: String) -> Bool {
        route.method == method || (options.answersHead && method == "HEAD" && route.method == "GET")
    }

    /// - Parameters:
    ///   - path: what `ranges` cut, which count from `start`.
    private func fits(
        _ route: Route, _ ranges: borrowing SegmentRanges, _ path: borrowing Span<UInt8>, _ start: Int
    ) -> Bool {
        for index in route.segments.indices {
            let range = ranges[index]
            switch route.segments[index] {
            case .rest: return true
            case .parameter: if range.isEmpty { return false }
            case .word(let word):
                guard word.count == range.count else { return false }
                for offset in word.indices {
                    let byte = path[range.lowerBound - start + offset]
                    if word[offset] != (options.caseInsensitive ? lowercasedASCII(byte) : byte) { return false }
                }
            }
        }
        return true
    }

    private struct BrokenParameter: Error { let raw: String }

    private func decode(_ route: Route, _ ranges: borrowing SegmentRanges, _ path: ArraySlice<UInt8>)
        -> Result<[String], BrokenParameter>
    {
        var values: [String] = []
        for (index, segment) in route.segments.enumerated() {
            let bytes: ArraySlice<UInt8>
            switch segment {
            case .word: continue
            case .parameter: bytes = path[ranges[index]]
            case .rest: bytes = path[ranges[index].lowerBound...]
            }
            guard let value = PercentEncoding.decode(bytes) else {
                return .failure(BrokenParameter(raw: String(decoding: bytes, as: UTF8.self)))
            }
            values.append(value)
        }
        return .success(values)
    }
}

/// The places of a path's segments, on the stack.
private struct SegmentRanges: ~Copyable {
    private var bounds = InlineArray<17, (start: Int, end: Int)>(repeating: (0, 0))
    private(set) var count = 0

    subscript(_ index: Int) -> Range<Int> { bounds[index].start..<bounds[index].end }

    /// False where the path does not begin with a slash or is too deep.
    mutating func cut(_ path: ArraySlice<UInt8>, ignoreTrailingSlash: Bool) -> Bool {
        let slash = UInt8(ascii: "/")
        // An absolute-form target may have no path at all; it means the root (RFC 9110 §4.2.3).
        if path.isEmpty { return true }
        guard path.first == slash else { return false }
        var end = path.endIndex
        if path.count == 1 { return true }
        if ignoreTrailingSlash, path[end - 1] == slash { end -= 1 }
        var start = path.startIndex + 1
        for index in start...end where index == end || path[index] == slash {
            guard count < Router.maximumSegments else { return false }
            bounds[count] = (start, index)
            count += 1
            start = index + 1
        }
        return true
    }
}
