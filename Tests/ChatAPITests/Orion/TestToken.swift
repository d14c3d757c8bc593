import ChatAPI
import ChatEngine
import HTTPTransport
import LogStore

/// A token for tests: by default one that the test configuration accepts for five minutes.
struct TestToken {
    var header = #"{"alg":"HS256","typ":"JWT"}"#
    var issuer = "\"https://www.sidekickportal.com\""
    var audience = "\"orion-core\""
    var subject = "\"Me@Example.com\""
    /// nil: the time it is made plus 300 s.
    var expiry: String?
    var key = Array("test-secret".utf8)
    /// The whole payload, instead of the claims above.
    var payload: String?

    func text(at time: Timestamp) -> String {
        let seconds = time.milliseconds / 1000
        let claims =
            payload
            ?? #"{"iss":\#(issuer),"aud":\#(audience),"sub":\#(subject),"iat":\#(seconds),"exp":\#(expiry ?? "\(seconds + 300)")}"#
        let signed = Base64.encodeURL(Array(header.utf8)) + "." + Base64.encodeURL(Array(claims.utf8))
        return signed + "." + Base64.encodeURL(Cryptography.hmacSHA256(key: key, Array(signed.utf8)))
    }
}

extension OrionConfiguration.Tokens {
    static var forTests: OrionConfiguration.Tokens {
        OrionConfiguration.Tokens(secret: Array("test-secret".utf8), subjects: ["me@example.com"])
    }
}
