// libFuzzer over every decoder of the store. A trap, a hang or a broken round trip is a finding; an error is not.
//
//   CHAT_FUZZ=TARGET store-fuzz [libFuzzer's options] CORPUS
//   CHAT_FUZZ=seeds store-fuzz DIR      one corpus for each target, made from a real store
//   CHAT_FUZZ=targets store-fuzz        their names
//
// -sanitize=fuzzer brings a main of its own, so the target is chosen by the environment.

import Glibc

private let target = getenv("CHAT_FUZZ").flatMap { FuzzTarget(rawValue: String(cString: $0)) }

@_cdecl("LLVMFuzzerInitialize")
func initialise(_ count: UnsafeMutableRawPointer, _ arguments: UnsafeMutableRawPointer) -> CInt {
    if target != nil { return 0 }
    switch getenv("CHAT_FUZZ").map({ String(cString: $0) }) {
    case "targets":
        for target in FuzzTarget.allCases { print(target.rawValue) }
        exit(0)
    case "seeds":
        guard CommandLine.arguments.count == 2 else { break }
        do {
            try Seeds().write(below: CommandLine.arguments[1])
            exit(0)
        } catch {
            print("no seeds: \(error)")
            exit(1)
        }
    default: break
    }
    print("CHAT_FUZZ is none of targets, seeds DIR, or a target's name")
    exit(2)
}

@_cdecl("LLVMFuzzerTestOneInput")
func runOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    target?.run(Array(UnsafeBufferPointer(start: data, count: size)))
    return 0
}
