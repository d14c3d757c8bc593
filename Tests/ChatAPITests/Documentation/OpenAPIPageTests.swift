import ChatEngine
import Testing

@testable import ChatAPI

@Suite struct OpenAPIPageTests {
    @Test func everyOperationAndObjectIsOnOrionsPage() throws {
        let document = OpenAPIDocument.make([.orion], documentation: .documentation)
        let page = OpenAPIPage.render(document)
        guard case .object(let paths)? = document["paths"],
            case .object(let schemas)? = document["components"]?["schemas"]
        else {
            Issue.record("the document has no paths or no schemas")
            return
        }
        #expect(paths.keys.count == 12)
        for path in paths.keys { #expect(page.contains("<code>\(path)</code>")) }
        for name in schemas.keys { #expect(page.contains("<section id=\"\(name)\">")) }
        // Every link within the page has its place.
        for link in page.split(separator: "href=\"#").dropFirst() {
            let name = link.prefix { $0 != "\"" }
            #expect(schemas.keys.contains(String(name)), "\(name)")
        }
        #expect(!page.contains("<script"))
    }

    @Test func textsAreEscapedAndReferencesFollowed() throws {
        let text = #"""
            {"info":{"title":"<T>","description":"a & b"},
             "paths":{"/x":{"post":{"summary":"\"q\"",
               "parameters":[{"name":"n","required":true,"schema":{"type":"integer","default":3}}],
               "requestBody":{"content":{"application/json":{"schema":{"required":["f"],
                 "properties":{"f":{"type":["string","null"]},"e":{"enum":["a","b"]}}}}}},
               "responses":{"404":{"$ref":"#/components/responses/Gone"}}}}},
             "components":{"schemas":{"E":{"properties":{"list":{"type":"array","items":{"$ref":"#/components/schemas/E"}}}}},
               "responses":{"Gone":{"description":"gone","content":{"application/json":{"schema":{"$ref":"#/components/schemas/E"}}}}}}}
            """#
        let page = OpenAPIPage.render(try JSONValue(parsing: Array(text.utf8)))
        for part in [
            "<h1>&lt;T&gt;</h1>", "<p>a &amp; b</p>", "<span>&quot;q&quot;</span>", "<b class=\"post\">POST</b>",
            "<td><code>n</code><sup>*</sup></td><td>integer, default <code>3</code></td>",
            "<td><code>f</code><sup>*</sup></td><td>string or null</td>",
            "<td><code>e</code></td><td><code>&quot;a&quot;</code> or <code>&quot;b&quot;</code></td>",
            "<td><code>404</code></td><td><a href=\"#E\">E</a></td><td>gone</td>",
            "<td>array of <a href=\"#E\">E</a></td>",
        ] { #expect(page.contains(part), "\(part)") }
    }
}
