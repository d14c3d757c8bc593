package import LogStore

/// A learner's data to be exported or erased: the row of the audit log, which outlives the data, and the state of the job.
package struct PrivacyRequest: Hashable, Sendable {
    package enum Kind: UInt8, Sendable {
        case export = 1
        case deletion = 2
    }
    package enum Status: UInt8, Sendable {
        case pending = 1
        case processing = 2
        case completed = 3
        case failed = 4
    }
    /// What of the data.
    package enum Scope: UInt8, Sendable, CaseIterable {
        /// Everything.
        case full = 1
        /// Of an export: no content of messages.
        case metadataOnly = 2
        /// Of a deletion: threads stay.
        case messagesOnly = 3
        /// Of a deletion: threads with their messages.
        case threadsOnly = 4

        /// As other systems hear of it.
        package var name: String {
            switch self {
            case .full: "full"
            case .metadataOnly: "metadata_only"
            case .messagesOnly: "messages_only"
            case .threadsOnly: "threads_only"
            }
        }
    }

    package var id: UUIDValue
    package var kind: Kind
    package var scope: Scope
    /// The user whose data it is.
    package var learner: String
    package var requestedBy: String
    package var requestedAt: Timestamp
    package var status = Status.pending
    /// Of a deletion: when no file held a byte any more.
    package var completedAt: Timestamp?
    package var threads: UInt64 = 0
    package var messages: UInt64 = 0

    /// Of a completed export.
    package var bundle: Bundle?
    /// Of a deletion: the user's numbers in the store; nil: there was none.
    var subject: UserKey?
    /// Of a deletion: the data has disappeared for everybody.
    var isOrdered = false

    /// A completed export's file.
    package struct Bundle: Hashable, Sendable {
        package var bytes: UInt64
        /// Of everything before the manifest line, as that line says it.
        package var digest: [UInt8]
        package var expiresAt: Timestamp
        /// The file has gone: expired, or erased with the learner's data.
        package var isRemoved = false
    }

    package init(
        id: UUIDValue, kind: Kind, scope: Scope, learner: String, requestedBy: String, requestedAt: Timestamp
    ) {
        self.id = id
        self.kind = kind
        self.scope = scope
        self.learner = learner
        self.requestedBy = requestedBy
        self.requestedAt = requestedAt
    }

    /// Whether there is nothing left to do about it but to let its file expire.
    var isEnded: Bool { status == .completed || status == .failed }
}

// MARK: Codec (docs/format.md, "Privacy requests")

extension PrivacyRequest {
    private enum Tag {
        static let kind: UInt64 = 1
        static let scope: UInt64 = 2
        static let learner: UInt64 = 3
        static let requestedBy: UInt64 = 4
        static let requestedAt: UInt64 = 5
        static let status: UInt64 = 6
        static let completedAt: UInt64 = 7
        static let threads: UInt64 = 8
        static let messages: UInt64 = 9
        static let bundleBytes: UInt64 = 10
        static let digest: UInt64 = 11
        static let expiresAt: UInt64 = 12
        static let isRemoved: UInt64 = 13
        static let subjectTenant: UInt64 = 14
        static let subjectUser: UInt64 = 15
        static let isOrdered: UInt64 = 16
    }
    private static let version: UInt8 = 1

    var encoded: [UInt8] {
        var out = TaggedFieldWriter(version: Self.version)
        out.append(Tag.kind, UInt64(kind.rawValue))
        out.append(Tag.scope, UInt64(scope.rawValue))
        out.append(Tag.learner, learner.utf8)
        out.append(Tag.requestedBy, requestedBy.utf8)
        out.append(Tag.requestedAt, requestedAt)
        out.append(Tag.status, UInt64(status.rawValue))
        out.append(Tag.completedAt, completedAt)
        if threads > 0 { out.append(Tag.threads, threads) }
        if messages > 0 { out.append(Tag.messages, messages) }
        if let bundle {
            out.append(Tag.bundleBytes, bundle.bytes)
            out.append(Tag.digest, bundle.digest)
            out.append(Tag.expiresAt, bundle.expiresAt)
            if bundle.isRemoved { out.append(Tag.isRemoved, 1) }
        }
        if let subject {
            out.append(Tag.subjectTenant, UInt64(subject.tenant.rawValue))
            out.append(Tag.subjectUser, subject.user)
        }
        if isOrdered { out.append(Tag.isOrdered, 1) }
        return out.bytes
    }

    init(decoding bytes: [UInt8], id: UUIDValue) throws(MalformedRecord) {
        self.init(
            id: id, kind: .export, scope: .full, learner: "", requestedBy: "",
            requestedAt: Timestamp(microseconds: 0))
        var reader = try TaggedFieldReader(bytes, version: Self.version)
        var found = Bundle(bytes: 0, digest: [], expiresAt: Timestamp(microseconds: 0))
        var (tenant, user): (TenantOrdinal?, UInt64?)
        while let field = try reader.next() {
            let small = UInt8(truncatingIfNeeded: field.number)
            switch field.tag {
            case Tag.kind: kind = Kind(rawValue: small) ?? kind
            case Tag.scope: scope = Scope(rawValue: small) ?? scope
            case Tag.learner: learner = field.text.string
            case Tag.requestedBy: requestedBy = field.text.string
            case Tag.requestedAt: requestedAt = field.time
            case Tag.status: status = Status(rawValue: small) ?? status
            case Tag.completedAt: completedAt = field.time
            case Tag.threads: threads = field.number
            case Tag.messages: messages = field.number
            case Tag.bundleBytes: found.bytes = field.number
            case Tag.digest: found.digest = Array(field.bytes)
            case Tag.expiresAt: found.expiresAt = field.time
            case Tag.isRemoved: found.isRemoved = true
            case Tag.subjectTenant: tenant = TenantOrdinal(UInt32(truncatingIfNeeded: field.number))
            case Tag.subjectUser: user = field.number
            case Tag.isOrdered: isOrdered = true
            default: break
            }
        }
        if !found.digest.isEmpty { bundle = found }
        if let tenant, let user { subject = UserKey(tenant: tenant, user: user) }
    }
}

// MARK: Keys

/// Where requests are: in the tenant that they are about the row and its place in the log's order; in the tenant
/// `aivoJobs` the ids of those that are not done with.
enum PrivacyKey {
    static func request(_ id: UUIDValue, _ tenant: TenantName) -> DocumentKey {
        DocumentKey(tenant: tenant.name, key: Array("privacy/request/\(id.string)".utf8))
    }

    static let log = Array("privacy/log/".utf8)

    /// Newest first: the time is inverted.
    static func log(_ request: PrivacyRequest, _ tenant: TenantName) -> DocumentKey {
        var key = log
        let inverted = UInt64.max - UInt64(clamping: request.requestedAt.microseconds)
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            key.append(UInt8(truncatingIfNeeded: inverted >> shift))
        }
        request.id.write(to: &key)
        return DocumentKey(tenant: tenant.name, key: key)
    }

    /// The id in a key of the log.
    static func id(ofLog key: [UInt8]) -> UUIDValue? { UUIDValue(canonical: key.dropFirst(log.count + 8)) }

    static let jobs = Array("job/".utf8)
    static func job(_ id: UUIDValue) -> DocumentKey {
        DocumentKey(tenant: TenantName.aivoJobs.name, key: jobs + Array(id.string.utf8))
    }
    static func id(ofJob key: [UInt8]) -> UUIDValue? { UUIDValue(canonical: key.dropFirst(jobs.count)) }
}
