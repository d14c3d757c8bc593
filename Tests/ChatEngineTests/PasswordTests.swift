import LogStore
import Synchronization
import TestSupport
import Testing

@testable import ChatEngine

/// Passwords and the users that have them.
@Suite struct PasswordTests {
    @Test func vectorsOfRFC7914() {
        let once = PasswordHash("passwd", salt: Array("salt".utf8), iterations: 1)
        #expect(
            once.text
                == "pbkdf2-sha256$1$73616c74$55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc")
        let often = PasswordHash("Password", salt: Array("NaCl".utf8), iterations: 80_000)
        #expect(
            often.text
                == "pbkdf2-sha256$80000$4e61436c$4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56")
        #expect(often.matches("Password"))
        for other in ["password", "Password ", "", "Password\0", String(repeating: "x", count: 2000)] {
            #expect(!often.matches(other))
        }
    }

    @Test func aHashKeepsNoPassword() throws {
        let hash = try #require(PasswordHash(of: "Übergröße 🔑"))
        #expect(hash.matches("Übergröße 🔑"))
        #expect(!hash.matches("Ubergroße 🔑"))
        #expect(hash.text.hasPrefix("pbkdf2-sha256$600000$"))
        #expect(PasswordHash(text: hash.text) == hash)
        // A salt of its own: the same password does not look the same.
        #expect(PasswordHash(of: "Übergröße 🔑") != hash)
        #expect(PasswordHash(of: "") == nil)
        #expect(PasswordHash(of: "a\0") == nil)
        #expect(PasswordHash(of: String(repeating: "x", count: 1025)) == nil)
    }

    @Test func textsThatAreNoHash() throws {
        let good = PasswordHash("x", salt: [UInt8](repeating: 0xAB, count: 16), iterations: 600_000).text
        #expect(PasswordHash(text: good) != nil)
        let (salt, digest) = (good.split(separator: "$")[2], good.split(separator: "$")[3])
        for text in [
            "", "x", good + "$", good + "0", String(good.dropLast(2)), "md5$600000$\(salt)$\(digest)",
            "pbkdf2-sha256$599999$\(salt)$\(digest)", "pbkdf2-sha256$4000000000$\(salt)$\(digest)",
            "pbkdf2-sha256$-1$\(salt)$\(digest)", "pbkdf2-sha256$600000$$\(digest)",
            "pbkdf2-sha256$600000$\(salt.dropLast())g$\(digest)", "pbkdf2-sha256$600000$\(salt)$\(digest.uppercased())",
        ] {
            #expect(PasswordHash(text: text) == nil, "\(text)")
        }
    }

    private static let hash = PasswordHash("secret", salt: [UInt8](repeating: 1, count: 16), iterations: 600_000)
    private static let other = PasswordHash("other", salt: [UInt8](repeating: 2, count: 16), iterations: 600_000)

    private func found(_ username: String, _ engine: ChatEngine) async throws -> PasswordAccount? {
        try await outcome { engine.passwordAccount(username, completion: $0) }.get()
    }

    @Test func usersAreStored() async throws {
        let fixture = try EngineFixture()
        let engine = fixture.engine
        let ann = try engine.addPasswordAccount(username: "ann", password: Self.hash, role: .admin, userID: "u/1")
        let capital = try engine.addPasswordAccount(username: "Ann", password: Self.other)
        #expect(ann.role == .admin && capital.role == .user)
        #expect(UUIDValue(text: capital.userID) != nil)
        let long = String(repeating: "\u{10FFFF}", count: 100)
        _ = try engine.addPasswordAccount(username: long, password: Self.hash, userID: long)
        // Both names are unique, byte for byte.
        #expect(throws: ChatError.accountExists) { try engine.addPasswordAccount(username: "ann", password: Self.hash) }
        #expect(throws: ChatError.accountExists) {
            try engine.addPasswordAccount(username: "bob", password: Self.hash, userID: "u/1")
        }
        for name in ["", "a\nb", "a\u{85}", String(repeating: "x", count: 101)] {
            #expect(throws: ChatError.self) { try engine.addPasswordAccount(username: name, password: Self.hash) }
            #expect(throws: ChatError.self) {
                try engine.addPasswordAccount(username: "c", password: Self.hash, userID: name)
            }
        }
        #expect(try engine.passwordAccounts().map(\.username) == ["Ann", "ann", long])
        #expect(try await found("ann", engine) == ann)
        #expect(try await found("bob", engine) == nil)
        #expect(try await found(String(repeating: "x", count: 100_000), engine) == nil)
        try engine.changePassword(of: "ann", to: Self.other)
        let changed = try #require(try await found("ann", engine))
        #expect(changed.password == Self.other && changed.userID == "u/1" && changed.role == .admin)
        #expect(throws: ChatError.userNotFound) { try engine.changePassword(of: "bob", to: Self.other) }
        // A tenant's erasure has nothing to do with its users.
        _ = try fixture.session("u/1", .trusted(tenant: .poc))
        _ = try engine.erase(.tenant, .operator(tenant: .poc))
        #expect(try engine.removePasswordAccount("ann").userID == "u/1")
        #expect(throws: ChatError.userNotFound) { try engine.removePasswordAccount("ann") }
        #expect(try await found("ann", engine) == nil)
        // Name and id are free again.
        _ = try engine.addPasswordAccount(username: "ann", password: Self.hash, userID: "u/1")
    }

    @Test func usersOutliveARestart() async throws {
        let disk = SimulatedDisk()
        let ann: PasswordAccount
        do {
            let fixture = try EngineFixture(disk: disk)
            ann = try fixture.engine.addPasswordAccount(username: "ann", password: Self.hash, role: .admin)
        }
        let fixture = try EngineFixture(disk: disk)
        #expect(try fixture.engine.passwordAccounts() == [ann])
    }

    @Test func logins() async throws {
        let fixture = try EngineFixture()
        let ann = try fixture.engine.addPasswordAccount(username: "ann", password: Self.hash)
        let checker = PasswordChecker(fixture.engine)
        defer { checker.shutDown() }
        func check(_ username: String, _ password: String) async throws -> (account: PasswordAccount?, time: Duration) {
            let start = ContinuousClock.now
            let account = try await outcome {
                checker.check(username: username, password: password, completion: $0)
            }.get()
            return (account, ContinuousClock.now - start)
        }
        #expect(try await check("ann", "secret").account == ann)
        #expect(try await check("ann", "Secret").account == nil)
        #expect(try await check("Ann", "secret").account == nil)
        // Whoever is not there costs what a wrong password does; without a hash it would be a thousandth of it.
        let wrong = try await check("ann", "wrong").time
        let unknown = try await check("nobody", "wrong")
        #expect(unknown.account == nil)
        #expect(unknown.time > wrong / 5)
    }

    @Test func tooManyLoginsAreRefusedAtOnce() async throws {
        let fixture = try EngineFixture()
        let ann = try fixture.engine.addPasswordAccount(username: "ann", password: Self.hash)
        let checker = PasswordChecker(fixture.engine, threads: 1, capacity: 1)
        let answers = Mutex<[Result<PasswordAccount?, ChatError>]>([])
        // One may run and one wait; a hash takes far longer than asking ten times.
        for _ in 0..<10 {
            checker.check(username: "ann", password: "secret") { answer in answers.withLock { $0.append(answer) } }
        }
        checker.shutDown()
        let all = answers.withLock { $0 }
        #expect(all.count == 10)
        let good = all.filter { $0 == .success(ann) }.count
        #expect((1...2).contains(good))
        #expect(all.filter { $0 == .failure(.overloaded(retryAfterSeconds: 2)) }.count == 10 - good)
    }

    @Test func usersOfOrganisationsAreRemoved() async throws {
        let fixture = try EngineFixture()
        let engine = fixture.engine
        _ = try engine.addOrganisation(name: "A", slug: "a")
        _ = try engine.addOrganisation(name: "B", slug: "b")
        let ann = try engine.addAccount(to: "a", email: "Ann@x.example", name: "Ann")
        let bob = try engine.addAccount(to: "a", email: "bob@x.example", name: "Bob")
        for name in ["ann@y.example", "carol", "00000000-0000-0000-0000-000000000000"] {
            #expect(throws: ChatError.userNotFound) { try engine.removeAccount(name, from: "a") }
        }
        // Of another organisation it is nobody.
        #expect(throws: ChatError.userNotFound) { try engine.removeAccount(ann.id, from: "b") }
        #expect(throws: ChatError.userNotFound) { try engine.removeAccount(ann.email, from: "b") }
        #expect(try engine.removeAccount("ann@X.example", from: "a") == ann)
        #expect(try engine.accounts(of: "a") == [bob])
        #expect(try engine.removeAccount(bob.id.uppercased(), from: "a") == bob)
        #expect(try engine.accounts(of: "a") == [])
        // The address is free again.
        _ = try engine.addAccount(to: "a", email: "ann@x.example", name: "")
    }
}
