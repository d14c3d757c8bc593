/// Which of the store's retention classes a session's messages belong to: its surface's. The numbers are on disk.
package enum RetentionClass: UInt8, Sendable, CaseIterable {
    case other = 0
    case poc = 1
    case orion = 2
    case llm = 3
    case aivo = 4

    private static let surfaces: [String: RetentionClass] = [
        "poc": .poc, "orion": .orion, "llm": .llm, "aivo": .aivo,
    ]

    /// - Parameter surface: as settings name it.
    package init?(surface: String) {
        guard let found = Self.surfaces[surface] else { return nil }
        self = found
    }
}

extension TenantName {
    /// The class of the surface whose name space this is.
    package var retentionClass: RetentionClass {
        RetentionClass(surface: String(name.prefix { $0 != ":" })) ?? .other
    }
}
