import LogStore
import TestSupport
import Testing

@testable import ChatEngine

enum StoredForm {
    static func roundTrip(_ message: Message) throws -> Message { try Message(decoding: message.encoded) }
}

@Suite struct RecordTests {
    static func fullMessage() throws -> Message {
        var message = Message(
            id: MessageID("msg_1759613274353_bzwr0k14l"), role: .assistant, content: "Guten Tag 😀",
            metadata: try RawJSON(validating: Array(#"{"a":1}"#.utf8)))
        message.direction = .outgoing
        message.senderType = .guardian
        message.senderID = "user-1"
        message.type = "image"
        message.parentID = MessageID("0f8fad5b-d9cb-469f-a165-70867728950e")
        message.tokenCount = 4711
        var analysis = MessageAnalysis()
        analysis.processing = try RawJSON(validating: Array(#"{"nlp":true}"#.utf8))
        analysis.agentInfo = try RawJSON(validating: Array(#"{"agentId":"x"}"#.utf8))
        analysis.intent = "account_balance"
        analysis.entities = try RawJSON(validating: Array("[]".utf8))
        analysis.sentiment = "neutral"
        analysis.confidence = 0.95
        analysis.processingTimeMilliseconds = 12
        analysis.errorInfo = try RawJSON(validating: Array("null".utf8))
        message.analysis = analysis
        return message
    }

    static func fullState() throws -> SessionState {
        var state = SessionState()
        state.title = "A title of its own"
        state.description = "d"
        state.firstMessage = "first"
        state.metadata = try RawJSON(validating: Array(#"{"m":1}"#.utf8))
        state.createdBy = "teacher-1"
        state.resolutionNotes = "done"
        state.expiresAt = Timestamp(microseconds: -5)
        state.endedAt = Timestamp(microseconds: 1_795_249_330_625_000)
        state.endedReason = "user_initiated"
        state.deletedAt = Timestamp(microseconds: 1)
        state.conversationContext = try RawJSON(validating: Array("{}".utf8))
        state.progress = try RawJSON(validating: Array("{}".utf8))
        state.statistics = try RawJSON(validating: Array("{}".utf8))
        state.security = try RawJSON(validating: Array("{}".utf8))
        state.userData = try RawJSON(validating: Array("{}".utf8))
        state.clientInfo = try RawJSON(validating: Array(#"{"userAgent":"x"}"#.utf8))
        return state
    }

    /// The places that lists are written from are those of the fields that come back.
    @Test func placesOfFieldsAreWhereTheyAre() throws {
        for id in ["msg_1759613274353_bzwr0k14l", "0f8fad5b-d9cb-469f-a165-70867728950e", "an id of its own", ""] {
            var message = try Self.fullMessage()
            message.id = MessageID(id)
            let payload = message.encoded
            let fields = try MessageFields(decoding: payload)
            var text: [UInt8] = []
            if case .verbatim(let place) = fields.id {
                text += payload[place]
            } else {
                text.append(upTo: MessageFields.ID.textBound) { $0.put(fields.id) }
            }
            #expect(String(decoding: text, as: UTF8.self) == id)
            #expect(fields.role == message.role)
            #expect(payload[fields.content] == message.content.bytes)
            #expect(fields.metadata.map { payload[$0] } == message.metadata?.bytes)
        }
        var state = try Self.fullState()
        var document = state.encoded
        var fields = try SessionStateFields(decoding: document)
        #expect(fields.title.map { document[$0] } == state.title?.bytes && !fields.derivesTitle)
        #expect(document[fields.firstMessage] == state.firstMessage?.bytes)
        #expect(fields.metadata.map { document[$0] } == state.metadata?.bytes)
        state.title = SessionTitle.derived(from: "first")
        document = state.encoded
        fields = try SessionStateFields(decoding: document)
        #expect(fields.title == nil && fields.derivesTitle)
    }

    @Test func placesOfDamagedBytesAreErrors() throws {
        let payload = try Self.fullMessage().encoded
        let document = try Self.fullState().encoded
        for end in 0..<max(payload.count, document.count) {
            // Cut anywhere: the fields before the cut, or an error; never a place outside.
            if let fields = try? MessageFields(decoding: Array(payload.prefix(end))) {
                #expect(fields.content.upperBound <= end && (fields.metadata?.upperBound ?? 0) <= end)
            }
            if let fields = try? SessionStateFields(decoding: Array(document.prefix(end))) {
                #expect(fields.firstMessage.upperBound <= end && (fields.title?.upperBound ?? 0) <= end)
            }
        }
        #expect(throws: ChatError.self) { try MessageFields(decoding: []) }
    }

    @Test func messagesComeBackWhole() throws {
        let message = try Self.fullMessage()
        #expect(try StoredForm.roundTrip(message) == message)
        let bare = Message(id: MessageID("x"), content: .empty)
        #expect(try StoredForm.roundTrip(bare) == bare)
    }

    @Test func sessionStateComesBackWhole() throws {
        let state = try Self.fullState()
        #expect(try SessionState(decoding: state.encoded) == state)
        #expect(try SessionState(decoding: SessionState().encoded) == SessionState())
    }

    @Test func aDerivedTitleIsNotStoredTwice() throws {
        var state = SessionState()
        state.firstMessage = UTF8Text(String(repeating: "long text ", count: 20))
        state.title = SessionTitle.derived(from: state.firstMessage ?? .empty)
        #expect(state.encoded.count < 212)
        #expect(try SessionState(decoding: state.encoded) == state)
    }

    @Test func anOrionMessageIsSmall() {
        let message = Message(
            id: .timed(milliseconds: 1_759_613_274_353, suffix: Base36(random: 99, width: 11)), role: .user,
            content: "Hello")
        #expect(message.encoded.count == 1 + 17 + 2 + 7)
    }

    /// Fields of a later version are skipped; the rest is read.
    @Test func unknownFieldsAreSkipped() throws {
        var bytes = try Self.fullMessage().encoded
        bytes += [200 << 1 & 0x7F | 0x80, 0x03, 42]  // tag 200, number
        bytes += [0x81 | (201 << 1 & 0x7E), 0x03, 3, 1, 2, 3]  // tag 201, bytes
        #expect(try Message(decoding: bytes) == Self.fullMessage())
    }

    /// Every truncation and every changed byte is an error or some value: never a trap.
    @Test func damageNeverTraps() throws {
        var errors = 0
        for original in [try Self.fullMessage().encoded, try Self.fullState().encoded] {
            for length in original.indices where (try? Message(decoding: Array(original[..<length]))) == nil {
                errors += 1
            }
            for index in original.indices {
                for bit in 0..<8 {
                    var changed = original
                    changed[index] ^= 1 << UInt8(bit)
                    if (try? Message(decoding: changed)) == nil { errors += 1 }
                    if (try? SessionState(decoding: changed)) == nil { errors += 1 }
                }
            }
        }
        var random = SplitMix64(seed: 7)
        for _ in 0..<20_000 {
            let noise = (0..<Int(random.next() % 40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            if (try? Message(decoding: [1] + noise)) == nil { errors += 1 }
        }
        #expect(errors > 1000)
        #expect(throws: MalformedRecord.self) { try Message(decoding: []) }
        #expect(throws: MalformedRecord.self) { try Message(decoding: [2]) }
    }

    @Test func flagsFillTheirBits() {
        for status in SessionFlags.Status.allCases {
            for bits in 0..<8 {
                let flags = SessionFlags(
                    status: status, isActive: bits & 1 == 0, isResolved: bits & 2 != 0, isDeleted: bits & 4 != 0)
                #expect(SessionFlags(tags: flags.tags) == flags)
            }
        }
        #expect(SessionFlags().tags == 0)
    }
}
