package import LogStore
internal import Synchronization

// What a test does to a disk, and asks of it.

extension SimulatedDisk {
    // MARK: Crash and failure

    /// Operation `number` (1 is the disk's first) and everything after it throws. It may have happened, or half of it.
    package func crash(at number: Int) {
        state.withLock { state in
            precondition(number > state.history.count, "operation \(number) is over")
            state.crashPoint = number
        }
    }

    package var hasCrashed: Bool { state.withLock { $0.crash != nil } }

    /// Makes operation `number` fail, or that one and all after it.
    package func failOperation(_ number: Int, _ failure: OperationFailure, _ extent: FailureExtent = .once) {
        state.withLock { state in
            switch extent {
            case .once: state.failures[number] = failure
            case .persistently: state.persistentFailure = (number, failure)
            }
        }
    }

    /// Makes the `number`th of all opens, reads and lists fail, or that one and all after it.
    package func failObservation(_ number: Int, _ kind: DiskError.Kind = .io, _ extent: FailureExtent = .once) {
        state.withLock { state in
            switch extent {
            case .once: state.observationFailures[number] = kind
            case .persistently: state.persistentObservationFailure = (number, kind)
            }
        }
    }

    /// No further operation or observation fails.
    package func clearFailures() {
        state.withLock { state in
            state.failures = [:]
            state.persistentFailure = nil
            state.observationFailures = [:]
            state.persistentObservationFailure = nil
        }
    }

    /// Reads of `name` see `fault` until `clearReadFaults()`. Several apply in the order given.
    package func addReadFault(_ fault: ReadFault, to name: String) {
        state.withLock { $0.readFaults[name, default: []].append(fault) }
    }

    package func clearReadFaults() { state.withLock { $0.readFaults = [:] } }

    /// Barriers that return success and make nothing durable: the mutants that the crash tests must notice. Crash states
    /// inherit them.
    package var droppedBarriers: Set<Barrier> {
        get { state.withLock { $0.droppedBarriers } }
        set { state.withLock { $0.droppedBarriers = newValue } }
    }

    /// Size of the file system in bytes; nil is endless. May be changed at any time.
    package var capacityBytes: UInt64? {
        get { state.withLock { $0.capacityBytes } }
        set { state.withLock { $0.capacityBytes = newValue } }
    }

    /// Calls `hook` with its number before every operation, on the thread that asks for it and outside every lock: it may
    /// wait, and so hold the operation up. Numbers repeat when two threads begin at once.
    package func onOperation(_ hook: (@Sendable (Int, DiskOperation) -> Void)?) {
        state.withLock { $0.hook = hook }
    }

    // MARK: Looking

    /// Operations begun so far.
    package var operationCount: Int { state.withLock { $0.history.count } }

    /// Opens, reads and lists so far.
    package var observationCount: Int { state.withLock { $0.observations } }

    /// Every operation so far; operation k is element k - 1.
    package var history: [DiskOperation] { state.withLock { $0.history } }

    package var statistics: DiskStatistics { state.withLock { $0.statistics } }

    /// The files as programs see them, without read faults.
    package func contents() -> [String: [UInt8]] {
        state.withLock { state in state.image.names.mapValues { state.image.files[$0]!.cache } }
    }

    /// The files whose bytes contain the text.
    package func holders(of text: String) -> [String] {
        let needle = Array(text.utf8)
        return contents().filter { _, bytes in
            var i = 0
            while i + needle.count <= bytes.count {
                if bytes[i] == needle[0], bytes[i..<i + needle.count].elementsEqual(needle) { return true }
                i += 1
            }
            return false
        }.map(\.key).sorted()
    }

    /// What the most unlucky power cut leaves: durable names with durable bytes.
    package func durableContents() -> [String: [UInt8]] {
        state.withLock { state in state.image.durableNames.mapValues { state.image.files[$0]!.durable } }
    }

    // MARK: Copies and sabotage

    /// A copy of every file as `cp -r` makes it while nothing else runs: same names and bytes, durable, other identities.
    package func copied() -> SimulatedDisk {
        state.withLock { state in
            let generation: UInt64 = 1 << 32
            var image = DirectoryImage()
            image.nextIdentity = (state.image.nextIdentity / generation + 1) * generation
            for name in state.image.names.keys.sorted() {
                let identity = image.create(name)
                image.append(state.image.files[state.image.names[name]!]!.cache[...], to: identity)
            }
            return SimulatedDisk(
                image: image.settled(), droppedBarriers: state.droppedBarriers, capacityBytes: state.capacityBytes,
                origin: "\(origin) / copied")
        }
    }

    /// The same disk as a snapshot of the block device makes it: identities kept, everything durable.
    package func snapshot() -> SimulatedDisk {
        state.withLock { state in
            SimulatedDisk(
                image: state.image.settled(), droppedBarriers: state.droppedBarriers,
                capacityBytes: state.capacityBytes, origin: "\(origin) / snapshot")
        }
    }

    /// Puts `bytes` in the place of a file's content, durably and behind the engine's back; its identity stays. A name
    /// that is missing is created.
    package func overwrite(_ name: String, with bytes: [UInt8]) {
        state.withLock { state in
            var image = state.image
            if image.names[name] == nil {
                _ = image.create(name)
                image.syncNames()
            }
            let identity = image.names[name]!
            image.files[identity]!.cache = bytes
            image.files[identity]!.durable = bytes
            image.files[identity]!.pending = []
            state.image = image
        }
    }

    /// Removes a file durably and behind the engine's back.
    package func remove(_ name: String) {
        state.withLock { state in
            state.image.unlink(name)
            state.image.syncNames()
        }
    }
}
