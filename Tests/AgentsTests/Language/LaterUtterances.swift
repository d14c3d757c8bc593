/// Fifty more, written after the first rules: whoever wrote the held-out fifty also wrote the lexicon and remembered them.
/// Those rules understood 30 of the 48 that want something; since then this table is one to tune by, too. Same form.
let laterUtterances = """
    banking.balance.check: hey so how much have I actually got to spend
    banking.balance.check: quick question, what's sitting in checking? | account_type=checking
    banking.balance.check: please read me my balances
    banking.balance.check: did I go below 100 dollars in my account? | amount=100.00
    banking.balance.check: what would be left in my savings right now | account_type=savings
    banking.balance.check: account balance for savings pls | account_type=savings
    banking.transaction.history: when did I last get paid
    banking.transaction.history: what's that charge from yesterday | time_period=yesterday
    banking.transaction.history: export my transactions for may | time_period=may
    banking.transaction.history: I think I was charged twice, can you check?
    banking.transaction.history: recent activity
    banking.transaction.history: how much did I pay for groceries last month | time_period=last month
    banking.transaction.history: everything that left my account this year | time_period=this year
    banking.transfer.money: shove 25 bucks into savings | amount=25.00; account_type=savings
    banking.transfer.money: I'd like to transfer some funds
    banking.transfer.money: please top up savings with fifty dollars | amount=50.00; account_type=savings
    banking.transfer.money: can you wire $75 from my savings account to my checking account | amount=75.00; account_type=savings,checking
    banking.transfer.money: get $500 out of savings and into checking | amount=500.00; account_type=savings,checking
    banking.transfer.money: transfer all of it to savings | account_type=savings
    banking.transfer.money: need to move some cash around
    banking.card.info: how many cards are linked to my account
    banking.card.info: what's my debit card's expiry date | card_type=debit
    banking.card.info: has my new credit card been sent out? | card_type=credit
    banking.card.info: is contactless on for my card
    banking.card.block: help, my bag was stolen with all my cards
    banking.card.block: please put a stop on my debit card | card_type=debit
    banking.card.block: my card details were leaked, shut it down
    banking.card.block: somebody cloned my credit card | card_type=credit
    banking.card.block: can't seem to find my debit card | card_type=debit
    banking.card.unblock: I need my card working again
    banking.card.unblock: you can unlock the credit card now, I've got it back | card_type=credit
    banking.card.unblock: undo the block on my debit card | card_type=debit
    banking.loan.info: what would a 10000 dollar loan cost me | amount=10000.00
    banking.loan.info: looking into a mortgage for a flat | loan_type=mortgage
    banking.loan.info: any offers on car financing? | loan_type=auto
    banking.bill.payment: can you take care of my phone bill | bill_type=phone
    banking.bill.payment: pay the landlord the rent | bill_type=rent
    banking.bill.payment: I want to set up autopay for electricity | bill_type=electricity
    banking.account.info: what's the iban of my checking account | account_type=checking
    banking.account.info: how do I close my account
    banking.account.info: what kind of accounts do I hold with you
    banking.help: can you help me manage my bank accounts
    greeting: yo
    farewell: ok that's it for today, bye
    help: what else can you do for me
    affirmation: yes go for it
    negation: no, don't bother
    thanks: perfect, thank you
    unknown: my friend blocked my number
    unknown: can you transfer me the file
    """
