import ChatEngine
import HTTPTransport
import TestSupport
import Testing

@testable import ChatAPI

@Suite struct OpenAPIDocumentTests {
    static let alone = OpenAPIDocument.make([.orion], documentation: .documentation)
    static let together = OpenAPIDocument.make([.orion, .llm], documentation: .documentation)

    /// Every `$ref` of a document.
    static func references(_ value: JSONValue) -> [String] {
        switch value {
        case .object(let object):
            zip(object.keys, object.values).flatMap { key, value in
                key == "$ref" ? [value.string].compactMap { $0 } : references(value)
            }
        case .array(let elements): elements.flatMap(references)
        case .null, .bool, .number, .string: []
        }
    }

    static func members(_ value: JSONValue?) -> [(String, JSONValue)] {
        guard case .object(let object)? = value else { return [] }
        return Array(zip(object.keys, object.values))
    }

    @Test(arguments: [alone, together])
    func everyReferenceHasItsPlaceAndEveryIDIsUnique(_ document: JSONValue) {
        let references = Set(Self.references(document))
        #expect(references.count > 5)
        for reference in references {
            let place = reference.split(separator: "/").dropFirst().reduce(document) { $0[String($1)] ?? .null }
            #expect(place != .null, "\(reference)")
        }
        let ids = Self.members(document["paths"]).flatMap { Self.members($0.1) }.compactMap {
            $0.1["operationId"]?.string
        }
        #expect(Set(ids).count == ids.count)
        #expect(ids.contains("openAPI"))
    }

    @Test func oneSurfaceHasItsOwnNames() {
        let document = Self.alone
        #expect(document["info"]?["title"]?.string == "ORION-CORE Chat Backend")
        let get = document["paths"]?["/api/sessions/{sessionId}"]?["get"]
        #expect(get?["operationId"]?.string == "getSession")
        #expect(
            get?["parameters"]
                == .array([
                    .object([
                        "name": .string("sessionId"), "in": .string("path"), "required": .bool(true),
                        "schema": .object(["type": .string("string"), "minLength": .number(1)]),
                    ])
                ]))
        #expect(document["components"]?["schemas"]?["Session"]?["required"] != nil)
    }

    @Test func ofOnePathTheFirstSurfaceIsDescribed() {
        let health = Self.together["paths"]?["/health"]?["get"]
        #expect(health?["operationId"]?.string == "orion.getHealth")
        #expect(Self.together["paths"]?["/chat"]?["post"]?["operationId"]?.string == "llm.chat")
        #expect(
            Self.together["paths"]?["/chat"]?["post"]?["security"]
                == .array([.object(["llm.organisation": .array([]), "llm.user": .array([])])]))
    }

    @Test func everyOperationOfLLMIsDescribed() {
        let document = OpenAPIDocument.make([.llm], documentation: .documentation)
        for (path, method) in [
            ("/chat", "post"), ("/chat/{chatId}", "get"), ("/chat/{chatId}", "put"), ("/chat/{chatId}", "delete"),
            ("/chats", "post"), ("/chats/org", "get"), ("/chat/{chatId}/messages/{messageId}", "delete"),
            ("/metrics", "get"),
        ] {
            #expect(document["paths"]?[path]?[method]?["responses"] != nil, "\(method) \(path)")
        }
        #expect(OpenAPIPage.render(document).contains("<code>/chat/{chatId}/messages/count</code>"))
    }

    /// Both prefixes are one operation: a tool that deletes a thread at one path would look for it at the other.
    @Test func anOperationIsThereOnceAndNamesItsOtherPaths() {
        let paths = OpenAPIDocument.make([.aivo], documentation: .documentation)["paths"]
        #expect(Self.members(paths).allSatisfy { !$0.0.hasPrefix("/chat/v1") })
        let thread = paths?["/api/v1/threads/{thread_id}"]?["get"]
        #expect(thread?["description"]?.string == "Also at `/chat/v1/threads/{thread_id}`.")
        #expect(
            paths?["/docs/{file}"]?["get"]?["parameters"]?.array?.first?["schema"]?["enum"]?.array?.compactMap(\.string)
                == SwaggerUI.Asset.allCases.map(\.rawValue))
    }

    /// Not only what `date-time` is: who sends seconds is not refused, so they are declared.
    @Test func timesInQueriesAreDeclaredAsTheyAreTaken() {
        let operation = OpenAPIDocument.make([.aivo], documentation: .documentation)["paths"]?[
            "/api/v1/threads/{thread_id}/messages"]?["get"]
        let before = operation?["parameters"]?.array?.first { $0["name"]?.string == "before" }
        let forms = before?["schema"]?["anyOf"]?.array ?? []
        #expect(forms.compactMap { $0["format"]?.string } == ["date-time", "date"])
        #expect(forms.contains { $0["pattern"] != nil })
    }

    @Test func bothDocumentsAreServed() async throws {
        let surface = DocumentationSurface(of: [.orion])
        let handler = surface.handler
        func get(_ path: String, method: String = "GET", tag: String? = nil) async -> Response {
            let exchange = RecordingExchange()
            handler(Request(method: method, target: path, headers: tag.map { [("If-None-Match", $0)] } ?? []), exchange)
            return await exchange.reply()
        }
        let document = await get("/openapi.json")
        #expect(document.status == 200)
        #expect(document.body.bytes == Self.alone.serialized)
        let tag = try #require(document.headers.first { $0.name.lowercased() == "etag" }?.value)
        #expect(await get("/openapi.json", tag: tag).status == 304)
        #expect(await get("/docs").status == 200)
        #expect(await get("/docs", method: "POST").status == 405)
        #expect(await get("/docs", method: "POST").header("Allow") == "GET, HEAD")
        #expect(!surface.knows(Request(target: "/health")))
    }

    /// What a build without the assets answers is held too: it is the plain page, and none of them is there.
    @Test func swaggerUIComesOutOfTheBinary() async throws {
        let handler = DocumentationSurface(of: [.orion]).handler
        func get(_ path: String, coding: String? = nil) async -> Response {
            let exchange = RecordingExchange()
            handler(Request(target: path, headers: coding.map { [("Accept-Encoding", $0)] } ?? []), exchange)
            return await exchange.reply()
        }
        let page = String(decoding: await get("/docs").body.bytes, as: UTF8.self)
        #expect(page.contains("swagger-ui-bundle.js") == SwaggerUI.isEmbedded)
        #expect(!String(decoding: await get("/docs/plain").body.bytes, as: UTF8.self).contains("<script"))
        #expect(await get("/docs/nothing.js").status == 404)
        for asset in SwaggerUI.Asset.allCases {
            let plain = await get("/docs/\(asset.rawValue)")
            guard SwaggerUI.isEmbedded || asset == .start else {
                #expect(plain.status == 404)
                continue
            }
            #expect(plain.status == 200)
            #expect(plain.header("Content-Encoding") == nil)
            let packed = await get("/docs/\(asset.rawValue)", coding: "br, gzip")
            guard packed.header("Content-Encoding") == "gzip" else {
                #expect(asset == .start)
                continue
            }
            #expect(try ContentDecoding.gunzip(packed.body.bytes, limit: 8 << 20) == plain.body.bytes)
            #expect(asset == .icon || packed.body.bytes.count < plain.body.bytes.count)
        }
    }
}
