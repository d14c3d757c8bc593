import LogStore
import TestSupport
import Testing

/// What the model comparisons and the crash scenario `erasure` leave out of documents of sessions.
@Suite("Store: documents of sessions")
struct SessionDocumentTests {
    private static let canary = "text "

    private func text(_ s: String) -> [UInt8] { Array(s.utf8) }

    private func fixture() -> StoreFixture {
        var fixture = StoreFixture()
        fixture.options.deletionGraceSeconds = 0
        fixture.options.retention = RetentionPolicy(classes: [1: 86_400])
        return fixture
    }

    private func session(_ store: LogStore, _ id: String, user: String, class c: UInt8 = 0) throws -> SessionKey {
        var batch = Batch()
        let s = batch.createSession(id: id, tenant: "t", user: user, retentionClass: c)
        batch.put(name: text("doc"), text(Self.canary + id), of: s)
        return try store.commit(batch).sessions[0]
    }

    private func values(_ store: LogStore, _ name: String = "doc") throws -> [String] {
        try store.sessionDocuments(named: text(name), tenant: "t").map { String(decoding: $0.value, as: UTF8.self) }
    }

    @Test("They go with their session, its user and what has expired, and no merge brings them back")
    func theyGoWithTheirSession() throws {
        let fixture = fixture()
        let store = try fixture.open()
        let deleted = try session(store, "1", user: "ann")
        let ofUser = try session(store, "2", user: "bob")
        let expiring = try session(store, "3", user: "ann", class: 1)
        try store.flush()
        var batch = Batch()
        batch.put(name: text("doc"), part: text("p"), text(Self.canary), of: .existing(deleted))
        try store.commit(batch)
        #expect(try values(store).count == 4)
        batch = Batch()
        batch.deleteSession(deleted)
        try store.commit(batch)
        #expect(try values(store).sorted() == [Self.canary + "2", Self.canary + "3"])
        batch = Batch()
        batch.deleteUser(ofUser.owner)
        try store.commit(batch)
        #expect(try values(store) == [Self.canary + "3"])
        fixture.clock.advance(microseconds: 86_400_000_000 + 1000)
        #expect(try values(store).isEmpty)
        #expect(try store.sessionDocuments(of: "t", limit: 9).isEmpty)
        let late = Batch.putting(text("doc"), expiring)
        #expect(throws: LogStoreError.sessionNotFound) { try store.commit(late) }
        store.confirmExpiry()
        try store.maintain()
        try store.compact()
        #expect(try values(store).isEmpty && store.sessionDocuments(of: "t", limit: 9).isEmpty)
    }

    @Test("Names have 1 to 255 bytes, and no plain document's key can be taken for one")
    func keys() throws {
        let store = try fixture().open()
        let key = try session(store, "1", user: "ann")
        for name in [[], [UInt8](repeating: 1, count: 256)] {
            #expect(throws: LogStoreError.self) { try store.commit(Batch.putting(name, key)) }
        }
        try store.commit(Batch.putting([UInt8](repeating: 0, count: 255), key))
        var plain = Batch()
        plain.put(DocumentKey(tenant: "t", key: [0, 1, 2]), [1])
        #expect(throws: LogStoreError.self) { try store.commit(plain) }
        var removal = Batch()
        removal.remove(DocumentKey(tenant: "t", key: [0]))
        #expect(throws: LogStoreError.self) { try store.commit(removal) }
        #expect(try store.documents(tenant: "t", prefix: [], limit: 9).isEmpty)
        #expect(try store.sessionDocuments(of: "t", limit: 9).count == 2)
        // A name that begins like another is another.
        try store.commit(Batch.putting(text("doc2"), key))
        #expect(try values(store).count == 1)
    }
}

extension Batch {
    fileprivate static func putting(_ name: [UInt8], _ session: SessionKey) -> Batch {
        var batch = Batch()
        batch.put(name: name, [1], of: .existing(session))
        return batch
    }
}
