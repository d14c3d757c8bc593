package import LogStore

/// A user's accounts and cards at the demo bank. Amounts are whole cents.
///
/// A document of its own holds what changes (`ledger/<user>`), each booking is one more (`ledger-entry/…/<number>`). A
/// change is one batch that requires the version of the ledger that it was decided on: so two of them are never decided
/// on the same balance, and what leaves one account arrives in the other or nothing happens.
package struct Ledger: Hashable, Sendable {
    package enum AccountKind: UInt8, Sendable, CaseIterable {
        case checking = 1
        case savings = 2

        package var name: String {
            switch self {
            case .checking: "checking"
            case .savings: "savings"
            }
        }

        package init?(name: String) {
            guard let kind = AccountKind.allCases.first(where: { $0.name == name }) else { return nil }
            self = kind
        }
    }

    package struct Account: Hashable, Sendable {
        package var kind: AccountKind
        /// Ten digits.
        package var number: String
        package var cents: Int64
    }

    package enum CardKind: UInt8, Sendable, CaseIterable {
        case debit = 1
        case credit = 2

        package var name: String {
            switch self {
            case .debit: "debit"
            case .credit: "credit"
            }
        }

        package init?(name: String) {
            guard let kind = CardKind.allCases.first(where: { $0.name == name }) else { return nil }
            self = kind
        }
    }

    package struct Card: Hashable, Sendable {
        package var kind: CardKind
        package var lastFour: String
        package var isBlocked: Bool
    }

    /// A transfer that was made, to know it again.
    struct Operation: Hashable, Sendable {
        var id: String
        var receipt: TransferReceipt
    }

    package var accounts: [Account] = []
    package var cards: [Card] = []
    /// Bookings so far; also the number of the newest one.
    package var entryCount: UInt64 = 0
    /// The newest transfers, oldest first.
    var operations: [Operation] = []

    /// How many transfers are remembered to recognise a repeated one.
    static let rememberedOperations = 32
    /// The most that one transfer may move: no balance can overflow.
    package static let maximumTransferCents: Int64 = 100_000_000_00

    package subscript(_ kind: AccountKind) -> Account? { accounts.first { $0.kind == kind } }
    package subscript(_ kind: CardKind) -> Card? { cards.first { $0.kind == kind } }
}

/// One booking.
package struct LedgerEntry: Hashable, Sendable {
    /// From 1, over both accounts of a user.
    package var number: UInt64
    package var account: Ledger.AccountKind
    /// Below 0: money went out.
    package var cents: Int64
    /// Of the account, afterwards.
    package var balanceCents: Int64
    package var bookedAt: Timestamp
    package var text: String
}

/// What is to be moved between a user's own accounts.
package struct TransferOrder: Hashable, Sendable {
    /// The same for repetitions of one order: they are carried out once.
    package var operationID: String
    package var from: Ledger.AccountKind
    package var to: Ledger.AccountKind
    package var cents: Int64

    package init(operationID: String, from: Ledger.AccountKind, to: Ledger.AccountKind, cents: Int64) {
        self.operationID = operationID
        self.from = from
        self.to = to
        self.cents = cents
    }
}

package struct TransferReceipt: Hashable, Sendable {
    package var from: Ledger.AccountKind
    package var to: Ledger.AccountKind
    package var cents: Int64
    /// Balances right afterwards.
    package var fromCents: Int64
    package var toCents: Int64
}

package enum TransferOutcome: Hashable, Sendable {
    case done(TransferReceipt)
    case refused(Refusal)

    package enum Refusal: Hashable, Sendable {
        case insufficientFunds(availableCents: Int64)
        case sameAccount
        case notPositive
        case tooLarge
        case unknownAccount
    }
}

package enum CardOutcome: Hashable, Sendable {
    case changed(Ledger.Card)
    /// It is so already.
    case unchanged(Ledger.Card)
    case unknownCard
}

// MARK: Decisions

extension Ledger {
    /// Moves money, or says why not. Repeating an order that was carried out gives its receipt.
    mutating func transfer(_ order: TransferOrder, at time: Timestamp, _ entries: inout [LedgerEntry])
        -> TransferOutcome
    {
        if let operation = operations.first(where: { $0.id == order.operationID }) { return .done(operation.receipt) }
        guard order.cents > 0 else { return .refused(.notPositive) }
        guard order.from != order.to else { return .refused(.sameAccount) }
        guard order.cents <= Self.maximumTransferCents else { return .refused(.tooLarge) }
        guard let from = accounts.firstIndex(where: { $0.kind == order.from }),
            let to = accounts.firstIndex(where: { $0.kind == order.to })
        else { return .refused(.unknownAccount) }
        guard accounts[from].cents >= order.cents else {
            return .refused(.insufficientFunds(availableCents: accounts[from].cents))
        }
        book(-order.cents, on: from, "Transfer to \(order.to.name)", at: time, &entries)
        book(order.cents, on: to, "Transfer from \(order.from.name)", at: time, &entries)
        let receipt = TransferReceipt(
            from: order.from, to: order.to, cents: order.cents, fromCents: accounts[from].cents,
            toCents: accounts[to].cents)
        operations.append(Operation(id: order.operationID, receipt: receipt))
        if operations.count > Self.rememberedOperations { operations.removeFirst() }
        return .done(receipt)
    }

    mutating func setCard(_ kind: CardKind, blocked: Bool) -> CardOutcome {
        guard let index = cards.firstIndex(where: { $0.kind == kind }) else { return .unknownCard }
        guard cards[index].isBlocked != blocked else { return .unchanged(cards[index]) }
        cards[index].isBlocked = blocked
        return .changed(cards[index])
    }

    private mutating func book(
        _ cents: Int64, on index: Int, _ text: String, at time: Timestamp, _ entries: inout [LedgerEntry]
    ) {
        accounts[index].cents += cents
        entryCount += 1
        entries.append(
            LedgerEntry(
                number: entryCount, account: accounts[index].kind, cents: cents, balanceCents: accounts[index].cents,
                bookedAt: time, text: text))
    }
}

// MARK: Opening

extension Ledger {
    private static let dayMicroseconds: Int64 = 86_400_000_000
    /// Days before today, account, cents, text.
    private static let opening: [(days: Int64, account: AccountKind, cents: Int64, text: String)] = [
        (34, .checking, 3_000_00, "Opening deposit"),
        (34, .savings, 12_500_00, "Opening deposit"),
        (20, .checking, -1_200_00, "Rent"),
        (16, .checking, 3_900_00, "Salary"),
        (12, .checking, -74_30, "Electricity"),
        (9, .checking, -65_00, "Phone"),
        (6, .savings, 250_00, "Interest"),
        (4, .checking, -86_45, "Groceries"),
        (1, .checking, -42_15, "Restaurant"),
    ]

    /// The accounts that a user begins with: always the same balances and bookings; the numbers depend on the user's name.
    static func opened(for owner: String, at time: Timestamp, _ entries: inout [LedgerEntry]) -> Ledger {
        // FNV-1a: the numbers are to be stable, not secret.
        let hash = owner.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        func digits(_ count: Int, _ shift: UInt64) -> String {
            let text = String((hash >> shift) % 100_000_000)
            return String((String(repeating: "0", count: 8) + text).suffix(count))
        }
        var ledger = Ledger()
        ledger.accounts = [
            Account(kind: .checking, number: "10" + digits(8, 0), cents: 0),
            Account(kind: .savings, number: "20" + digits(8, 8), cents: 0),
        ]
        ledger.cards = [
            Card(kind: .debit, lastFour: digits(4, 16), isBlocked: false),
            Card(kind: .credit, lastFour: digits(4, 32), isBlocked: false),
        ]
        for booking in opening {
            guard let index = ledger.accounts.firstIndex(where: { $0.kind == booking.account }) else { continue }
            let bookedAt = Timestamp(microseconds: time.microseconds - booking.days * dayMicroseconds)
            ledger.book(booking.cents, on: index, booking.text, at: bookedAt, &entries)
        }
        return ledger
    }
}
