internal import Synchronization

/// Counts the connections of the whole server, and of each address where that is limited.
final class ConnectionGate: Sendable {
    private struct Counts {
        var total = 0
        var byAddress: [IPAddress: Int] = [:]
    }

    private let limit: Int
    private let limitPerAddress: Int
    private let counts = Mutex(Counts())

    init(limits: HTTPLimits) {
        limit = limits.connections
        limitPerAddress = limits.connectionsPerIP
    }

    /// Counts a new connection; false, uncounted, where there are too many.
    func enter(_ address: IPAddress) -> Bool {
        counts.withLock { counts in
            guard counts.total < limit else { return false }
            if limitPerAddress > 0 {
                guard counts.byAddress[address, default: 0] < limitPerAddress else { return false }
                counts.byAddress[address, default: 0] += 1
            }
            counts.total += 1
            return true
        }
    }

    func leave(_ address: IPAddress) {
        counts.withLock { counts in
            counts.total -= 1
            guard limitPerAddress > 0, let count = counts.byAddress[address] else { return }
            counts.byAddress[address] = count > 1 ? count - 1 : nil
        }
    }

    var total: Int { counts.withLock { $0.total } }
}
