internal import ChatEngine

/// The events of a streamed reply, in the bytes of the contract: `data: <compact JSON>` and an empty line; before it, for
/// clients that resume, `id: <message id>:<number>`, counted from 1.
struct StreamEvents: Sendable {
    let message: UUIDValue
    let chat: String

    func token(_ text: some Collection<UInt8>, id number: Int?) -> [UInt8] {
        event(id: number, reserving: text.count + 48) { out in
            out.append(key: #"{"token":"#)
            out.append(jsonWTF8: text)
            out.append(key: #","done":false}"#)
        }
    }

    /// The last event: how the reply ended.
    func end(_ reply: Reply, text: some Collection<UInt8>, id number: Int?) -> [UInt8] {
        switch reply.ending {
        case .failed: return failure(reply.failure ?? "", id: number)
        case .interrupted:
            return failure("The server was restarted while the reply was being generated", id: number)
        case .completed, .aborted, nil: break
        }
        return event(id: number, reserving: text.count + 256) { out in
            out.append(key: #"{"token":"","done":true,"fullText":"#)
            out.append(jsonWTF8: text)
            if let usage = reply.usage {
                out.append(UInt8(ascii: ","))
                out.append(llmUsage: usage)
            }
            if reply.ending == .aborted { out.append(key: #","aborted":true"#) }
            out.append(key: #","chat_id":"#)
            out.append(jsonString: chat)
            out.append(key: #","message_id":""#)
            message.write(to: &out)
            out.append(key: #""}"#)
        }
    }

    func failure(_ message: String, id number: Int?) -> [UInt8] {
        event(id: number, reserving: 128) { out in
            out.append(key: #"{"error":"Stream failed","message":"#)
            out.append(jsonString: message)
            out.append(UInt8(ascii: "}"))
        }
    }

    private func event(id number: Int?, reserving size: Int, _ write: (inout [UInt8]) -> Void) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(size + (number == nil ? 0 : 48))
        if let number {
            out.append(key: "id: ")
            message.write(to: &out)
            out.append(UInt8(ascii: ":"))
            out.append(decimal: Int64(number))
            out.append(UInt8(ascii: "\n"))
        }
        out.append(key: "data: ")
        write(&out)
        out.append(key: "\n\n")
        return out
    }
}

extension Array where Element == UInt8 {
    /// `"usage":{…}`.
    mutating func append(llmUsage usage: Reply.Usage) {
        append(key: #""usage":{"input_tokens":"#)
        append(decimal: Int64(usage.inputTokens))
        append(key: #","output_tokens":"#)
        append(decimal: Int64(usage.outputTokens))
        append(key: #","total_tokens":"#)
        append(decimal: Int64(usage.inputTokens + usage.outputTokens))
        if usage.isEstimated { append(key: #","estimated":true"#) }
        append(UInt8(ascii: "}"))
    }
}
