// Routes as Express has them, found without building a string.
//
// A pattern is words and parameters between slashes, `/api/sessions/:id`; a last `*name` takes the rest of the path.
// Lookup:
//   1. cut the raw path at its slashes into ranges (one trailing slash may be ignored);
//   2. go through the routes with that many segments in the order of their declaration; the first whose words fit wins;
//   3. decode its parameters.
//
// What a lookup compares lies in flat arrays of plain values, so that nothing is copied or counted on the way.
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

    /// A part of a pattern.
    private struct Segment: Sendable {
        enum Kind { case word, parameter, rest }

        let kind: Kind
        /// Of a word, in `words`.
        let place: Range<Int>
    }

    private struct Route: Sendable {
        let method: String
        let pattern: String
        let names: [String]
        /// In `segments`.
        let segments: Range<Int>
    }

    private let options: RouterOptions
    /// By their numbers.
    private var routes: [Route] = []
    private var segments: [Segment] = []
    private var words: [UInt8] = []
    /// Routes and their segments by number of segments; a route with `*` stands under every number, see `add`.
    private var candidates: [[(route: Int, segments: Range<Int>)]] =
        Array(repeating: [], count: Router.maximumSegments + 1)
    package var count: Int { routes.count }

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
        var names: [String] = []
        let first = segments.count
        let parts = pattern == "/" ? [] : pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        precondition(parts.count <= Router.maximumSegments, "a pattern has at most 16 segments")
        for (index, part) in parts.enumerated() {
            switch part.first {
            case ":":
                names.append(String(part.dropFirst()))
                segments.append(Segment(kind: .parameter, place: 0..<0))
            case "*":
                precondition(index == parts.count - 1, "only the last segment can take the rest")
                names.append(String(part.dropFirst()))
                segments.append(Segment(kind: .rest, place: 0..<0))
            default:
                let start = words.count
                words += options.caseInsensitive ? part.lowercased().utf8 : String(part).utf8
                segments.append(Segment(kind: .word, place: start..<words.count))
            }
        }
        let place = first..<segments.count
        let deepest = segments.last?.kind == .rest && !parts.isEmpty ? Router.maximumSegments : place.count
        for depth in place.count...deepest { candidates[depth].append((routes.count, place)) }
        routes.append(Route(method: method, pattern: pattern, names: names, segments: place))
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
        var next = 0
        while let number = firstFit(segments, path, &next) {
            let route = routes[number]
            var values: [String] = []
            if !route.names.isEmpty {
                switch decode(route, segments, path) {
                case .success(let decoded): values = decoded
                case .failure(let broken): return .badParameter(pattern: route.pattern, raw: broken.raw)
                }
            }
            if answers(number, method) {
                return .matched(
                    Match(
                        route: number, pattern: route.pattern,
                        parameters: PathParameters(names: route.names, values: values)))
            }
            if !allowed.contains(route.method) { allowed.append(route.method) }
        }
        return allowed.isEmpty ? .notFound : .methodNotAllowed(allowed: allowed)
    }

    /// The pattern that the request goes to, whether or not its parameters can be decoded; nil if none has its path and
    /// method.
    package func pattern(of request: Request) -> String? {
        firstRoute(on: request.pathBytes) { answers($0, request.method) }.map { routes[$0].pattern }
    }

    /// Whether a route has the request's path and `method`.
    package func answers(_ request: Request, method: String) -> Bool {
        firstRoute(on: request.pathBytes) { answers($0, method) } != nil
    }

    /// Whether a route has the request's path, with whatever method.
    package func knows(_ request: Request) -> Bool { firstRoute(on: request.pathBytes) { _ in true } != nil }

    private func firstRoute(on path: ArraySlice<UInt8>, where isWanted: (Int) -> Bool) -> Int? {
        var segments = SegmentRanges()
        guard segments.cut(path, ignoreTrailingSlash: options.ignoreTrailingSlash) else { return nil }
        var next = 0
        while let number = firstFit(segments, path, &next) {
            if isWanted(number) { return number }
        }
        return nil
    }

    private func answers(_ route: Int, _ method: String) -> Bool {
        routes[route].method == method
            || (options.answersHead && method == "HEAD" && routes[route].method == "GET")
    }

    /// The first of the routes from the `next`th candidate on that has the path; `next` is moved behind it.
    private func firstFit(
        _ ranges: borrowing SegmentRanges, _ path: ArraySlice<UInt8>, _ next: inout Int
    ) -> Int? {
        let candidates = candidates[ranges.count]
        let bounds = ranges.bounds.span
        while next < candidates.count {
            let candidate = candidates[next]
            next += 1
            if fits(candidate.segments, bounds, path.span, path.startIndex) { return candidate.route }
        }
        return nil
    }

    /// - Parameters:
    ///   - path: what `bounds` cut, which count from `start`.
    private func fits(
        _ pattern: Range<Int>, _ bounds: borrowing Span<(start: Int, end: Int)>, _ path: borrowing Span<UInt8>,
        _ start: Int
    ) -> Bool {
        let segments = segments.span
        let words = words.span
        // The lengths rule most routes out.
        for index in 0..<pattern.count {
            let segment = segments[pattern.lowerBound + index]
            let length = bounds[index].end - bounds[index].start
            if segment.kind == .rest { break }
            if segment.kind == .word ? length != segment.place.count : length == 0 { return false }
        }
        for index in 0..<pattern.count {
            let segment = segments[pattern.lowerBound + index]
            guard segment.kind == .word else { continue }
            let first = bounds[index].start - start
            for offset in 0..<segment.place.count {
                let byte = path[first + offset]
                let expected = words[segment.place.lowerBound + offset]
                if expected != (options.caseInsensitive ? lowercasedASCII(byte) : byte) { return false }
            }
        }
        return true
    }

    private struct BrokenParameter: Error { let raw: String }

    private func decode(_ route: Route, _ ranges: borrowing SegmentRanges, _ path: ArraySlice<UInt8>)
        -> Result<[String], BrokenParameter>
    {
        var values: [String] = []
        for (index, segment) in segments[route.segments].enumerated() {
            let bytes: ArraySlice<UInt8>
            switch segment.kind {
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
    private(set) var bounds = InlineArray<17, (start: Int, end: Int)>(repeating: (0, 0))
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
