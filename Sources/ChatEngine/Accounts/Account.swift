package import LogStore

/// An organisation of the llm surface: a tenant with users of its own.
package struct Organisation: Hashable, Sendable {
    /// A canonical UUID; it names the tenant (`TenantName.llm`).
    package var id: String
    /// Unique; small letters, digits and hyphens.
    package var slug: String
    package var name: String
    package var createdAt: Timestamp

    package init(id: String, slug: String, name: String, createdAt: Timestamp) {
        self.id = id
        self.slug = slug
        self.name = name
        self.createdAt = createdAt
    }

    package var tenant: TenantName { .llm(organisation: id) }

    /// The slug of a name: letters and digits, anything else one hyphen. Empty if there is neither.
    package static func slug(of name: String) -> String {
        var slug = ""
        for byte in name.utf8 {
            switch byte | 0x20 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): slug.unicodeScalars.append(UnicodeScalar(byte | 0x20))
            case UInt8(ascii: "0")...UInt8(ascii: "9") where byte >= UInt8(ascii: "0"):
                slug.unicodeScalars.append(UnicodeScalar(byte))
            default: if !slug.isEmpty, slug.last != "-" { slug += "-" }
            }
        }
        while slug.last == "-" { slug.removeLast() }
        return String(slug.prefix(AccountLimits.slugBytes))
    }

    static func isSlug(_ text: String) -> Bool {
        (1...AccountLimits.slugBytes).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

/// A user of an organisation.
package struct Account: Hashable, Sendable {
    package enum Role: UInt8, Sendable, CaseIterable {
        case member = 1
        case admin = 2
        case owner = 3

        package var name: String {
            switch self {
            case .member: "member"
            case .admin: "admin"
            case .owner: "owner"
            }
        }

        package init?(name: String) {
            guard let role = Role.allCases.first(where: { $0.name == name }) else { return nil }
            self = role
        }

        package var access: Access.Role {
            switch self {
            case .member: [.member]
            case .admin: [.member, .admin]
            case .owner: [.member, .owner]
            }
        }
    }

    /// A canonical UUID, unique over all organisations.
    package var id: String
    package var organisation: String
    /// Unique in the organisation.
    package var email: String
    package var name: String
    package var role: Role
    package var createdAt: Timestamp

    package init(id: String, organisation: String, email: String, name: String, role: Role, createdAt: Timestamp) {
        self.id = id
        self.organisation = organisation
        self.email = email
        self.name = name
        self.role = role
        self.createdAt = createdAt
    }
}

/// What the original's columns hold.
package enum AccountLimits {
    package static let slugBytes = 100
    package static let nameCharacters = 255
    package static let emailCharacters = 255
    package static let usernameCharacters = 100
}

// MARK: Codec (docs/format.md, "Accounts")

extension Organisation {
    private static let version: UInt8 = 1

    var encoded: [UInt8] {
        var out = TaggedFieldWriter(version: Self.version)
        out.append(1, UTF8Text(slug))
        out.append(2, UTF8Text(name))
        out.append(3, createdAt)
        return out.bytes
    }

    init(decoding bytes: [UInt8], id: String) throws(MalformedRecord) {
        self.init(id: id, slug: "", name: "", createdAt: Timestamp(microseconds: 0))
        var reader = try TaggedFieldReader(bytes, version: Self.version)
        while let field = try reader.next() {
            switch field.tag {
            case 1: slug = field.text.string
            case 2: name = field.text.string
            case 3: createdAt = field.time
            default: break
            }
        }
    }
}

extension Account {
    private static let version: UInt8 = 1

    var encoded: [UInt8] {
        var out = TaggedFieldWriter(version: Self.version)
        out.append(1, UTF8Text(organisation))
        out.append(2, UTF8Text(email))
        out.append(3, UTF8Text(name))
        out.append(4, UInt64(role.rawValue))
        out.append(5, createdAt)
        return out.bytes
    }

    /// A role of a newer version reads as member: the one that may least.
    init(decoding bytes: [UInt8], id: String) throws(MalformedRecord) {
        self.init(
            id: id, organisation: "", email: "", name: "", role: .member, createdAt: Timestamp(microseconds: 0))
        var reader = try TaggedFieldReader(bytes, version: Self.version)
        while let field = try reader.next() {
            switch field.tag {
            case 1: organisation = field.text.string
            case 2: email = field.text.string
            case 3: name = field.text.string
            case 4: role = Role(rawValue: UInt8(truncatingIfNeeded: field.number)) ?? .member
            case 5: createdAt = field.time
            default: break
            }
        }
    }
}
