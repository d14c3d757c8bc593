/// The operator, over every tenant of the store: for exports, imports and lists that no single tenant's `Access` covers.
/// Made by the command line and the admin listener only.
package struct StoreAccess: Hashable, Sendable {
    private init() {}

    package static let `operator` = StoreAccess()
}
