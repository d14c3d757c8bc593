import ChatEngine
import Glibc
import TestSupport

extension EventReader {
    convenience init(
        port: UInt16, _ method: String, _ path: String, _ caller: Caller, headers: [(String, String)] = [],
        json: String? = nil, receiveBufferBytes: Int32 = 0
    ) throws {
        try self.init(
            port: port, method, path, headers: caller.headers + headers, json: json,
            receiveBufferBytes: receiveBufferBytes)
    }

    /// The JSON of the next event.
    func nextData() throws -> JSONValue {
        guard let chunk = try next() else { throw LoopbackError.closed(received: "") }
        return try eventData(chunk)
    }

    /// What a header of the reply holds.
    func header(_ name: String) -> String? {
        head.split(separator: "\r\n").first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.count + 2)) }
    }
}

func eventData(_ chunk: String) throws -> JSONValue { try JSONValue(parsing: eventText(chunk)) }

/// Gives other threads the processor until `condition` holds.
func spin(_ condition: () throws -> Bool) rethrows { while try !condition() { sched_yield() } }
