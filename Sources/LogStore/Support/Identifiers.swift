/// Log sequence number: the position of a committed batch in the store's one total order.
///
/// The first batch of a store is 1; `LSN.zero` means "before the first". One batch has one LSN.
package struct LSN: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
    package static let zero = LSN(0)
    package var next: LSN { LSN(rawValue + 1) }
    package static func < (a: LSN, b: LSN) -> Bool { a.rawValue < b.rawValue }
    package var description: String { String(rawValue) }
}

/// Microseconds since 1970-01-01T00:00:00Z. Times of batches rise strictly with their LSN.
package struct Timestamp: Hashable, Comparable, Sendable {
    package var microseconds: Int64
    package init(microseconds: Int64) { self.microseconds = microseconds }
    package var milliseconds: Int64 { microseconds >= 0 ? microseconds / 1000 : (microseconds - 999) / 1000 }
    package static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }
}

/// A tenant's number; never reused. 0 is not a tenant.
package struct TenantOrdinal: Hashable, Comparable, Sendable {
    package var rawValue: UInt32
    package init(_ rawValue: UInt32) { self.rawValue = rawValue }
    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A user, named by tenant and a store-wide number below 2^40 that is never reused.
package struct UserKey: Hashable, Comparable, Sendable {
    package var tenant: TenantOrdinal
    package var user: UInt64
    package init(tenant: TenantOrdinal, user: UInt64) {
        self.tenant = tenant
        self.user = user
    }
    package static func < (a: Self, b: Self) -> Bool { (a.tenant, a.user) < (b.tenant, b.user) }
}

/// A session, named by its owner and a store-wide number below 2^40 that is never reused.
///
/// Session numbers rise in the order of creation, so within a user the key order is the creation order.
package struct SessionKey: Hashable, Comparable, Sendable {
    package var tenant: TenantOrdinal
    package var user: UInt64
    package var session: UInt64
    package init(tenant: TenantOrdinal, user: UInt64, session: UInt64) {
        self.tenant = tenant
        self.user = user
        self.session = session
    }
    package var owner: UserKey { UserKey(tenant: tenant, user: user) }
    package static func < (a: Self, b: Self) -> Bool {
        (a.tenant, a.user, a.session) < (b.tenant, b.user, b.session)
    }
}

/// A message's place in its session: 1, 2, 3 … without gaps. Numbers of deleted messages are not reused.
package typealias SequenceNumber = UInt32
