import ChatAPI
import ChatEngine
import LogStore
import TestSupport
import Testing

@testable import chat_server

/// `token mint`.
@Suite struct TokenBinaryTests {
    private func mint(_ arguments: String..., variables: [String] = []) throws -> (
        ending: Ending, output: String, error: String
    ) {
        try ServerBinary.run(["token", "mint"] + arguments, wrapper: ["env"] + variables)
    }

    private func claims(_ output: String, key: [UInt8]) throws -> TokenClaims {
        #expect(output.hasSuffix("\n"))
        return try TokenClaims(
            of: String(output.dropLast()), TokenVerifier(secret: key), now: LiveClock().now())
    }

    @Test func tokensOfTheDirectorysSecret() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let data = ["--data-dir", directory.path]
            let missing = try mint("--surface", "poc", "--user", "u", data[0], data[1])
            #expect(missing.ending == .exited(3) && missing.output.isEmpty)
            #expect(try directory.names().isEmpty)
            #expect(try ServerBinary.run(["init"] + data).ending == .exited(0))
            let secret = try ServerSecret.loadOrMake(in: directory.path)
            let (pocKey, aivoKey) = (
                ServerSecret.tokenKey(of: "poc", configured: nil, secret: secret),
                ServerSecret.tokenKey(of: "aivo", configured: "", secret: secret)
            )
            #expect(pocKey != aivoKey && pocKey.count == 32 && pocKey != secret)

            let poc = try mint(
                "--surface", "poc", "--user", "u 1", "--role", "admin", "--ttl", "15m", data[0], data[1])
            #expect(poc.ending == .exited(0) && poc.error.isEmpty)
            let read = try claims(poc.output, key: pocKey)
            #expect(read["userId"] == .string("u 1") && read["role"] == .string("admin"))
            #expect(try #require(read.expiresAt) - #require(read.issuedAt) == 900)
            // A token of one surface is none of the other.
            #expect(throws: TokenClaims.Problem.token(.signature)) { try claims(poc.output, key: aivoKey) }

            let aivo = try mint(
                "--surface", "aivo", "--user", "t1", "--tenant", "school", "--role", "teacher", "--learner", "l1",
                "--learner", "*", "--permission", "chat:read", data[0], data[1])
            let teacher = try claims(aivo.output, key: aivoKey)
            #expect(teacher.subject == "t1" && teacher["tenant_id"] == .string("school"))
            #expect(teacher["learner_scope"] == .array([.string("l1"), .string("*")]))
            #expect(teacher["permissions"] == .array([.string("chat:read")]))
            #expect(try #require(teacher.expiresAt) - #require(teacher.issuedAt) == 86_400)
        }
    }

    @Test func tokensOfAConfiguredSecret() async throws {
        try await onOwnThread {
            for (surface, variable) in [
                ("poc", "JWT_SECRET"), ("poc", "CHAT_POC_JWT_SECRET"), ("aivo", "JWT_SECRET_KEY"),
                ("aivo", "CHAT_AIVO_JWT_SECRET"),
            ] {
                let tenant = surface == "aivo" ? ["--tenant", "t"] : ["--role", "user"]
                let minted = try mint(
                    "--surface", surface, "--user", "u", tenant[0], tenant[1], variables: ["\(variable)=hush-hush"])
                #expect(minted.ending == .exited(0), "\(minted.error)")
                _ = try claims(minted.output, key: Array("hush-hush".utf8))
                #expect(!(minted.output + minted.error).contains("hush"))
            }
        }
    }

    @Test func callsThatAreWrong() async throws {
        try await onOwnThread {
            let secret = ["JWT_SECRET=x", "JWT_SECRET_KEY=x"]
            for arguments in [
                [], ["--surface", "poc"], ["--surface", "orion", "--user", "u"], ["--surface", "aivo", "--user", "u"],
                ["--surface", "poc", "--user", "u", "--learner", "l"], ["--surface", "poc", "--user", ""],
                ["--surface", "poc", "--user", "u", "--ttl", "0"],
                ["--surface", "poc", "--user", "u", "--ttl", "soon"],
            ] {
                let refused = try ServerBinary.run(["token", "mint"] + arguments, wrapper: ["env"] + secret)
                #expect(refused.ending == .exited(2) && refused.output.isEmpty, "\(arguments)")
            }
            #expect(try ServerBinary.run(["token", "forge"]).ending == .exited(2))
            // Neither a variable nor a directory.
            #expect(try mint("--surface", "poc", "--user", "u").ending == .exited(2))
        }
    }
}
