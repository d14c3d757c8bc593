/// Fifty more, written together with the tuned table and not looked at while the rules were tuned: what the rules are
/// judged by. Same form.
let heldOutUtterances = """
    banking.balance.check: Would you be so kind as to tell me what I have in my accounts?
    banking.balance.check: how much dough is sitting in my savings right now | account_type=savings
    banking.balance.check: checking account balance | account_type=checking
    banking.balance.check: can I afford a $900 laptop with what's in my account? | amount=900.00
    banking.balance.check: remind me what my balance was
    banking.balance.check: I need to know my bank balance before I go shopping
    banking.transaction.history: can you show what I bought last week | time_period=last week
    banking.transaction.history: I'd like an overview of all payments this month | time_period=this month
    banking.transaction.history: show activity on my savings | account_type=savings
    banking.transaction.history: did the refund from the store come through?
    banking.transaction.history: what was my last transaction?
    banking.transaction.history: print my mini statement
    banking.transfer.money: Please transfer three hundred dollars from savings to checking | amount=300.00; account_type=savings,checking
    banking.transfer.money: I want $45 moved to my savings | amount=45.00; account_type=savings
    banking.transfer.money: can we do a transfer between accounts
    banking.transfer.money: send 20 bucks over to checking will ya | amount=20.00; account_type=checking
    banking.transfer.money: add another $150 to my savings account please | amount=150.00; account_type=savings
    banking.transfer.money: I'm short on cash, pull 250 dollars from savings into checking | amount=250.00; account_type=savings,checking
    banking.card.info: do I have a credit card with you? | card_type=credit
    banking.card.info: give me info on my debit card | card_type=debit
    banking.card.info: has my debit card been activated yet | card_type=debit
    banking.card.block: My purse got stolen with the credit card in it | card_type=credit
    banking.card.block: I want to block a card
    banking.card.block: I've misplaced my debit card | card_type=debit
    banking.card.block: please freeze both cards immediately
    banking.card.block: kill my card, I see fraudulent charges
    banking.card.unblock: my card turned up, you can unblock it now
    banking.card.unblock: please activate my debit card | card_type=debit
    banking.card.unblock: I'd like you to take the freeze off my credit card | card_type=credit
    banking.loan.info: what loan options are there?
    banking.loan.info: interested in refinancing my mortgage | loan_type=mortgage
    banking.loan.info: I'd like to borrow 5000 dollars | amount=5000.00
    banking.bill.payment: I have to pay the internet bill today | bill_type=internet
    banking.bill.payment: can I pay my water and gas bills through you? | bill_type=water
    banking.bill.payment: send a payment for my phone bill | bill_type=phone
    banking.account.info: could I have the account number of my savings? | account_type=savings
    banking.account.info: give me the details of my account
    banking.help: what kind of banking stuff can you help with
    greeting: good afternoon
    greeting: hey, how's it going?
    farewell: see ya
    help: could someone assist me please
    affirmation: yup, do it
    negation: nah, forget it
    thanks: many thanks, that was helpful
    tools.calculate: can you work out 17 times 23
    unknown: do you know any good movies
    unknown: the library card system at my school is old
    unknown: he blocked me on facebook
    unknown: I lost my keys
    """
