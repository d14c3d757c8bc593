internal import ChatEngine
internal import Glibc
internal import LogStore

/// Writes messages of some learners into a data directory that no server has, and prints `learner message-id` for each
/// once it is durable: what a consumer of the events has to find, in this order for each learner.
///
///     event-source DIRECTORY MESSAGES LEARNERS
@main
struct EventSource {
    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let messages = Int(arguments[2]), let learners = Int(arguments[3]), learners > 0
        else {
            write("usage: event-source DIRECTORY MESSAGES LEARNERS\n", to: 2)
            exit(2)
        }
        do {
            try run(arguments[1], messages, learners)
        } catch {
            write("event-source: \(error)\n", to: 2)
            exit(1)
        }
    }

    private static func run(_ directory: String, _ messages: Int, _ learners: Int) throws {
        let access = Access.verifiedToken(tenant: .aivo(tenant: "school"), user: "teacher", reach: .tenant)
        let store = try LogStore.open(
            disk: try LiveDisk(path: directory, createIfMissing: true), clock: LiveClock(), random: SystemRandom())
        let engine = ChatEngine(store: store, clock: LiveClock(), random: SystemRandom())
        for learner in 0..<learners {
            do throws(ChatError) {
                _ = try engine.createSession(
                    SessionDraft(ids: .uuid, id: "thread-\(learner)", owner: "learner-\(learner)"), access)
            } catch {
                guard error == .sessionExists else { throw error }
            }
        }
        for number in 0..<messages {
            let learner = number % learners
            let draft = MessageDraft(ids: .uuid, role: .user, content: UTF8Text("message \(number)"))
            let saved = try engine.saveMessage(draft, to: "thread-\(learner)", access)
            write("learner-\(learner) \(saved.message.id.string)\n", to: 1)
        }
        engine.close()
        try store.close()
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
