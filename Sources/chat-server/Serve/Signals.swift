internal import Glibc

/// SIGTERM and SIGINT as requests to stop.
///
/// They are blocked before the first other thread exists, so that every thread inherits the mask; one thread waits for
/// them. The first one asks for an orderly end, unless that is under way already for another reason; the next one ends
/// the process at once: what was acknowledged is on the disk, and the next start replays the log.
enum Signals {
    /// To be called once, before the first thread.
    static func deliver(to request: StopRequest) {
        var set = Self.set
        pthread_sigmask(SIG_BLOCK, &set, nil)
        // A peer that went away, and a limit on the size of files (RLIMIT_FSIZE), are errors of the write, not the end
        // of the process.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Signals.pass(on: Unmanaged<StopRequest>.fromOpaque(argument).takeRetainedValue())
            }, Unmanaged.passRetained(request).toOpaque())
        precondition(code == 0, "the process may not start a thread")
        pthread_detach(thread)
    }

    private static func pass(on request: StopRequest) -> Never {
        while request.stop(.signal(wait())) {}
        _exit(ExitCode.failure.rawValue)
    }

    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        return set
    }

    /// Blocks until one of them comes; returns its name.
    private static func wait() -> String {
        var set = Self.set
        var number: Int32 = 0
        while sigwait(&set, &number) != 0 {}
        return number == SIGTERM ? "SIGTERM" : "SIGINT"
    }
}
