import Glibc
import HTTPTransport
import TestSupport
import Testing

/// TLS with a certificate that the test makes for itself, and the `openssl` tool as the client.
@Suite struct TLSTests {
    static let hasTool = access("/usr/bin/openssl", X_OK) == 0

    /// What a shell command prints.
    static func output(_ command: String) -> String {
        guard let pipe = popen(command, "r") else { return "" }
        defer { pclose(pipe) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&buffer, 1, buffer.count, pipe)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    /// A new certificate for this machine.
    static func certificate() throws -> TLSCertificate {
        let pem = output(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 1"
                + " -keyout - -out - 2>/dev/null")
        try #require(pem.contains("BEGIN CERTIFICATE"))
        return TLSCertificate(certificatePEM: pem, keyPEM: pem)
    }

    @Test(.enabled(if: hasTool, "needs the openssl tool"))
    func answersOverTLS() async throws {
        try await onOwnThread {
            let server = try TestServer(tls: try TLSTests.certificate()) { request, exchange in
                exchange.respond(Response(text: "secret \(request.isTLS) \(request.path)"))
            }
            let request = #"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"#
            let text = TLSTests.output(
                "printf '\(request)' | openssl s_client -quiet -connect 127.0.0.1:\(server.port) 2>/dev/null")
            #expect(text.components(of: "HTTP/1.1 200 OK") == 2)
            #expect(text.contains("secret true /a"))
            #expect(text.contains("secret true /b"))

            // A client that speaks plain HTTP to the TLS port gets nothing and harms nothing.
            let plain = try LoopbackSocket(port: server.port)
            try plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try !plain.receiveAll().contains("secret"))
            #expect(server.server.drain(deadline: .seconds(10)))
        }
    }

    @Test(.enabled(if: hasTool, "needs the openssl tool"))
    func aKeyOfAnotherCertificateIsRefused() throws {
        let command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=a -days 1"
        let first = TLSTests.output("\(command) -keyout - -out - 2>/dev/null")
        let second = TLSTests.output("\(command) -keyout - -out - 2>/dev/null")
        var configuration = HTTPServer.Configuration()
        configuration.tls = TLSCertificate(certificatePEM: first, keyPEM: second)
        #expect(throws: HTTPServerError.self) { try HTTPServer(configuration: configuration) }
    }
}
