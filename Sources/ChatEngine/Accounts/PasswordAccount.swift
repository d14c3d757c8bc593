package import LogStore

/// A user that logs in with a name and a password: those of the poc surface.
package struct PasswordAccount: Hashable, Sendable {
    package enum Role: UInt8, Sendable, CaseIterable {
        case user = 1
        case admin = 2

        package var name: String {
            switch self {
            case .user: "user"
            case .admin: "admin"
            }
        }

        package init?(name: String) {
            guard let role = Role.allCases.first(where: { $0.name == name }) else { return nil }
            self = role
        }
    }

    /// Unique; names the user in tokens and owns the sessions.
    package var userID: String
    /// Unique, byte for byte.
    package var username: String
    package var role: Role
    package var createdAt: Timestamp
    package var password: PasswordHash

    package init(userID: String, username: String, role: Role, createdAt: Timestamp, password: PasswordHash) {
        self.userID = userID
        self.username = username
        self.role = role
        self.createdAt = createdAt
        self.password = password
    }
}

// MARK: Codec (docs/format.md, "Accounts")

extension PasswordAccount {
    private static let version: UInt8 = 1

    var encoded: [UInt8] {
        var out = TaggedFieldWriter(version: Self.version)
        out.append(1, UTF8Text(userID))
        out.append(2, UInt64(role.rawValue))
        out.append(3, createdAt)
        out.append(4, UTF8Text(password.text))
        return out.bytes
    }

    /// A role of a newer version reads as user: the one that may least. A hash of a newer version is one that no password
    /// has: its user cannot log in.
    init(decoding bytes: [UInt8], username: String) throws(MalformedRecord) {
        self.init(
            userID: "", username: username, role: .user, createdAt: Timestamp(microseconds: 0), password: .ofNobody)
        var reader = try TaggedFieldReader(bytes, version: Self.version)
        while let field = try reader.next() {
            switch field.tag {
            case 1: userID = field.text.string
            case 2: role = Role(rawValue: UInt8(truncatingIfNeeded: field.number)) ?? .user
            case 3: createdAt = field.time
            case 4: password = PasswordHash(text: field.text.string) ?? .ofNobody
            default: break
            }
        }
    }
}
