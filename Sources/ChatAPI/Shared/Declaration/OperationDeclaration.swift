internal import HTTPTransport

/// What an operation of a surface is called by, takes and gives. The router and the OpenAPI document are made of nothing
/// else, so neither can know an operation that the other does not.
struct OperationDeclaration: Sendable {
    struct Parameter: Sendable {
        enum Place: String, Sendable {
            case query, header, path
        }

        var name: String
        var place: Place
        var schema: Schema
        var isRequired: Bool

        static func query(_ name: String, _ schema: Schema, isRequired: Bool = false) -> Parameter {
            Parameter(name: name, place: .query, schema: schema, isRequired: isRequired)
        }

        static func header(_ name: String, _ schema: Schema, isRequired: Bool = false) -> Parameter {
            Parameter(name: name, place: .header, schema: schema, isRequired: isRequired)
        }

        /// One of the pattern's own; without a declaration it is a string.
        static func path(_ name: String, _ schema: Schema) -> Parameter {
            Parameter(name: name, place: .path, schema: schema, isRequired: true)
        }
    }

    /// A JSON body.
    struct Body: Sendable {
        var schema: Schema
        var isRequired = true
    }

    struct Reply: Sendable {
        enum Content: Sendable {
            case none
            case json(Schema)
            /// Text of a media type.
            case text(String)
        }

        var status: Int
        var summary: String
        var content = Content.none
        /// Header fields beside the usual ones, with what they say.
        var headers: [(name: String, schema: Schema)] = []

        static func json(_ summary: String, _ schema: Schema) -> Reply { json(200, summary, schema) }

        static func json(_ status: Int, _ summary: String, _ schema: Schema) -> Reply {
            Reply(status: status, summary: summary, content: .json(schema))
        }

        static let unchanged = Reply(status: 304, summary: "The client has this very body (If-None-Match)")

        static func text(_ status: Int, _ summary: String, _ mediaType: String) -> Reply {
            Reply(status: status, summary: summary, content: .text(mediaType))
        }
    }

    var method: String
    /// As the router has it: `/sessions/:id`, `/files/*path`.
    var pattern: String
    /// Other patterns with the same parameters that lead to the same operation.
    var aliases: [String] = []
    var summary: String
    /// The group that documentation shows it in.
    var tag: String
    /// It asks for no identity.
    var isPublic = false
    var parameters: [Parameter] = []
    var body: Body?
    var replies: [Reply]

    var patterns: [String] { [pattern] + aliases }
}

/// The operations of a surface: an enumeration whose names are the operation ids of the OpenAPI document.
protocol SurfaceOperation: CaseIterable, Hashable, Sendable {
    var declaration: OperationDeclaration { get }
}

extension SurfaceOperation {
    static var declarations: [(id: String, OperationDeclaration)] { allCases.map { ("\($0)", $0.declaration) } }
}

/// Finds a request's operation. Built once for each surface.
struct OperationTable<Operation: SurfaceOperation>: Sendable {
    enum Outcome {
        case matched(Operation, pattern: String, PathParameters)
        /// A parameter's percent-encoding is broken; `raw` is that segment as sent.
        case badParameter(pattern: String, raw: String)
        /// The path is known, with other methods.
        case methodNotAllowed(allowed: [String])
        case notFound
    }

    private var router: Router
    /// By the numbers of the router's routes.
    private var operations: [Operation] = []

    /// Operations are looked at in the order of their declaration: words stand before the parameters that would take them.
    init(options: RouterOptions = RouterOptions()) {
        router = Router(options: options)
        for operation in Operation.allCases {
            let declaration = operation.declaration
            for pattern in declaration.patterns {
                router.add(declaration.method, pattern)
                operations.append(operation)
            }
        }
    }

    func find(_ request: Request) -> Outcome {
        switch router.find(request) {
        case .matched(let match): .matched(operations[match.route], pattern: match.pattern, match.parameters)
        case .badParameter(let pattern, let raw): .badParameter(pattern: pattern, raw: raw)
        case .methodNotAllowed(let allowed): .methodNotAllowed(allowed: allowed)
        case .notFound: .notFound
        }
    }

    /// The pattern that a request goes to, for metrics and logs: never the path, which has ids in it.
    func pattern(of request: Request) -> String { router.pattern(of: request) ?? "unmatched" }

    /// Whether an operation has the request's path and `method`.
    func answers(_ request: Request, method: String) -> Bool { router.answers(request, method: method) }

    /// Whether an operation has the request's path, with whatever method.
    func knows(_ request: Request) -> Bool { router.knows(request) }
}
