// What a log commit costs by how the log's space is prepared (docs/decisions/0004-log-preallocation.md).
//
// For each way and size: append, fdatasync, and the time of both, in files of 64 MiB that are begun as the log begins them.
// The ways take turns by file, so that a noisy neighbour hits all of them alike. Prints a table and a hash of what the
// files held, which must be the same for every way.
//
//   make tools && .build/tools/release/log-preallocation DIRECTORY [ROUNDS]

import Glibc

enum Preparation: String, CaseIterable {
    case none = "nothing"
    case reserve = "fallocate KEEP_SIZE"
    case zeroAhead = "zeros 4 MiB ahead"
}

let fileBytes = 64 << 20
let zeroStepBytes = 4 << 20
let appendsPerFile = 1000

/// Swift's module of the C library leaves fallocate out.
let fallocate = unsafeBitCast(
    dlsym(nil, "fallocate"), to: (@convention(c) (CInt, CInt, off_t, off_t) -> CInt).self)
let keepSize: CInt = 1

func check(_ result: Int, _ what: String) {
    guard result < 0 else { return }
    print("\(what): \(String(cString: strerror(errno)))")
    exit(1)
}

func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

struct Samples {
    var sync: [UInt64] = []
    var commit: [UInt64] = []
}

/// One file's worth of commits. Returns FNV-1a over what was written, read back.
func fill(_ path: String, _ preparation: Preparation, _ bytes: Int, into samples: inout Samples) -> UInt64 {
    let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    check(Int(file), "create \(path)")
    defer {
        close(file)
        unlink(path)
    }
    if preparation == .reserve { check(Int(fallocate(file, keepSize, 0, fileBytes)), "fallocate") }
    check(Int(fsync(file)), "fsync")
    var zeroed = 0
    let zeros = [UInt8](repeating: 0, count: zeroStepBytes)
    var block = [UInt8](repeating: 0, count: bytes)
    let count = min(appendsPerFile, fileBytes / bytes)
    for i in 0..<count {
        for j in stride(from: 0, to: bytes, by: 8) { block[j] = UInt8(truncatingIfNeeded: i &* 31 &+ j >> 3) }
        let offset = i * bytes
        let start = nanoseconds()
        // The step is part of the commit that needs it: nobody else waits for it.
        if preparation == .zeroAhead && offset + bytes > zeroed {
            check(pwrite(file, zeros, zeroStepBytes, zeroed), "write zeros")
            check(Int(fdatasync(file)), "fdatasync")
            zeroed += zeroStepBytes
        }
        check(pwrite(file, block, bytes, offset), "write")
        let written = nanoseconds()
        check(Int(fdatasync(file)), "fdatasync")
        let end = nanoseconds()
        samples.sync.append(end - written)
        samples.commit.append(end - start)
    }
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for i in 0..<count {
        check(pread(file, &block, bytes, i * bytes), "read")
        for byte in block { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
    return hash
}

func microseconds(_ values: [UInt64], _ share: Double) -> Int {
    let sorted = values.sorted()
    return Int(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] / 1000)
}

guard CommandLine.arguments.count > 1 else {
    print("usage: log-preallocation DIRECTORY [ROUNDS]")
    exit(2)
}
let directory = CommandLine.arguments[1]
let rounds = CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2]) ?? 5 : 5

func column(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}

for bytes in [4096, 65536] {
    var samples: [Preparation: Samples] = [:]
    var hashes = Set<UInt64>()
    for round in 0..<rounds {
        for preparation in Preparation.allCases {
            let path = "\(directory)/preallocation-\(getpid())-\(bytes)-\(round)"
            hashes.insert(fill(path, preparation, bytes, into: &samples[preparation, default: Samples()]))
        }
    }
    print("\(bytes) B a commit, \(rounds) files a way; microseconds")
    print("  preparation            fdatasync p50   p99  commit p50   p99  mean  commits/s")
    for preparation in Preparation.allCases {
        let found = samples[preparation]!
        let mean = found.commit.reduce(0, +) / UInt64(found.commit.count)
        print(
            "  " + preparation.rawValue + column("", 22 - preparation.rawValue.count)
                + column("\(microseconds(found.sync, 0.5))", 14) + column("\(microseconds(found.sync, 0.99))", 6)
                + column("\(microseconds(found.commit, 0.5))", 12) + column("\(microseconds(found.commit, 0.99))", 6)
                + column("\(mean / 1000)", 6) + column("\(1_000_000_000 / mean)", 11))
    }
    print("  contents \(hashes.map { String($0, radix: 16) }.joined(separator: " DIFFERS "))")
}
