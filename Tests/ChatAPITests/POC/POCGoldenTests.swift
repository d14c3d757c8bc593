import ChatAPI
import ChatEngine
import HTTPTransport
import TestSupport
import Testing

/// The golden cases 1 to 35 of the contract, in process and over a socket, in their order against one fresh surface.
@Suite(.timeLimit(.minutes(3))) struct POCGoldenTests {
    @Test(arguments: Route.allCases) func allCases(_ route: Route) async throws {
        let fixture = try POCFixture(route)
        _ = try fixture.engine.addPasswordAccount(
            username: "test", password: try #require(PasswordHash(of: "test123")), userID: "user_test")
        var run = POCGoldenRun(fixture)
        let cases = try POCGoldenRun.cases()
        #expect(cases.count == 26)
        for golden in cases where golden["req"]?.string == nil { try await run.check(golden) }
    }
}
