internal import LogStore

// Codec (docs/format.md, "Demo bank").

extension Ledger {
    private static let version: UInt8 = 1

    var encoded: [UInt8] {
        var out = TaggedFieldWriter(version: Self.version, reserving: 256)
        for account in accounts {
            var inner = TaggedFieldWriter(version: Self.version, reserving: 32)
            inner.append(1, UInt64(account.kind.rawValue))
            inner.append(2, account.number.utf8)
            inner.append(3, account.cents.zigzag)
            out.append(1, inner.bytes)
        }
        for card in cards {
            var inner = TaggedFieldWriter(version: Self.version, reserving: 16)
            inner.append(1, UInt64(card.kind.rawValue))
            inner.append(2, card.lastFour.utf8)
            inner.append(3, card.isBlocked ? 1 : 0)
            out.append(2, inner.bytes)
        }
        out.append(3, entryCount)
        for operation in operations {
            var inner = TaggedFieldWriter(version: Self.version, reserving: 64)
            inner.append(1, operation.id.utf8)
            inner.append(2, UInt64(operation.receipt.from.rawValue))
            inner.append(3, UInt64(operation.receipt.to.rawValue))
            inner.append(4, operation.receipt.cents.zigzag)
            inner.append(5, operation.receipt.fromCents.zigzag)
            inner.append(6, operation.receipt.toCents.zigzag)
            out.append(4, inner.bytes)
        }
        return out.bytes
    }

    /// Accounts and cards of a kind that this program does not know are not its to change: the ledger is refused.
    init(decoding bytes: [UInt8]) throws(MalformedRecord) {
        self.init()
        var reader = try TaggedFieldReader(bytes, version: Self.version)
        while let field = try reader.next() {
            switch field.tag {
            case 1: accounts.append(try Self.account(field))
            case 2: cards.append(try Self.card(field))
            case 3: entryCount = field.number
            case 4: operations.append(try Self.operation(field))
            default: break
            }
        }
    }

    private static func account(_ field: TaggedFieldReader.Field) throws(MalformedRecord) -> Account {
        var account = Account(kind: .checking, number: "", cents: 0)
        var reader = try TaggedFieldReader(Array(field.bytes), version: version)
        while let field = try reader.next() {
            switch field.tag {
            case 1: account.kind = try accountKind(field)
            case 2: account.number = field.text.string
            case 3: account.cents = Int64(zigzag: field.number)
            default: break
            }
        }
        return account
    }

    private static func card(_ field: TaggedFieldReader.Field) throws(MalformedRecord) -> Card {
        var card = Card(kind: .debit, lastFour: "", isBlocked: false)
        var reader = try TaggedFieldReader(Array(field.bytes), version: version)
        while let field = try reader.next() {
            switch field.tag {
            case 1:
                guard let kind = CardKind(rawValue: UInt8(truncatingIfNeeded: field.number)) else {
                    throw MalformedRecord(what: "kind of card", offset: 0)
                }
                card.kind = kind
            case 2: card.lastFour = field.text.string
            case 3: card.isBlocked = field.number != 0
            default: break
            }
        }
        return card
    }

    private static func operation(_ field: TaggedFieldReader.Field) throws(MalformedRecord) -> Operation {
        var operation = Operation(
            id: "", receipt: TransferReceipt(from: .checking, to: .savings, cents: 0, fromCents: 0, toCents: 0))
        var reader = try TaggedFieldReader(Array(field.bytes), version: version)
        while let field = try reader.next() {
            switch field.tag {
            case 1: operation.id = field.text.string
            case 2: operation.receipt.from = try accountKind(field)
            case 3: operation.receipt.to = try accountKind(field)
            case 4: operation.receipt.cents = Int64(zigzag: field.number)
            case 5: operation.receipt.fromCents = Int64(zigzag: field.number)
            case 6: operation.receipt.toCents = Int64(zigzag: field.number)
            default: break
            }
        }
        return operation
    }

    fileprivate static func accountKind(_ field: TaggedFieldReader.Field) throws(MalformedRecord) -> AccountKind {
        guard let kind = AccountKind(rawValue: UInt8(truncatingIfNeeded: field.number)) else {
            throw MalformedRecord(what: "kind of account", offset: 0)
        }
        return kind
    }
}

extension LedgerEntry {
    private static let version: UInt8 = 1

    var encoded: [UInt8] {
        var out = TaggedFieldWriter(version: Self.version, reserving: 64)
        out.append(1, UInt64(account.rawValue))
        out.append(2, cents.zigzag)
        out.append(3, balanceCents.zigzag)
        out.append(4, bookedAt)
        out.append(5, text.utf8)
        return out.bytes
    }

    init(decoding bytes: [UInt8], number: UInt64) throws(MalformedRecord) {
        self.init(
            number: number, account: .checking, cents: 0, balanceCents: 0, bookedAt: Timestamp(microseconds: 0),
            text: "")
        var reader = try TaggedFieldReader(bytes, version: Self.version)
        while let field = try reader.next() {
            switch field.tag {
            case 1: account = try Ledger.accountKind(field)
            case 2: cents = Int64(zigzag: field.number)
            case 3: balanceCents = Int64(zigzag: field.number)
            case 4: bookedAt = field.time
            case 5: text = field.text.string
            default: break
            }
        }
    }
}

extension Int64 {
    /// Small numbers of either sign as small numbers.
    fileprivate var zigzag: UInt64 { UInt64(bitPattern: self << 1 ^ self >> 63) }
    fileprivate init(zigzag value: UInt64) { self = Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
}
