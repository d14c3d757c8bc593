/// Secrets of the tokens that the server signs itself (`ServerSecret.tokenKey`).
extension Setting {
    static let tokens: [Setting] = [
        Setting(
            "poc.jwt-secret", .text, default: nil, also: ["JWT_SECRET"], isSecret: true,
            "Secret of the tokens of poc (HS256); without it one that is derived from the server's own."),
        Setting(
            "aivo.jwt-secret", .text, default: nil, also: originals("JWT_SECRET_KEY"), isSecret: true,
            "Shared secret of the tokens of aivo (HS256); without it one that is derived from the server's own."),
    ]
}
