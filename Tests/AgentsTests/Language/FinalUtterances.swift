/// Fifty that were written after the last change of the rules and run once: what the rules are judged by. Same form.
let finalUtterances = """
    banking.balance.check: tell me my current account balance please
    banking.balance.check: how much do I have available in checking? | account_type=checking
    banking.balance.check: I want to see how much money is on my savings account | account_type=savings
    banking.balance.check: could you check if I have at least $300 in my account | amount=300.00
    banking.balance.check: what is my total balance across accounts
    banking.balance.check: balance in savings please | account_type=savings
    banking.balance.check: how am I doing financially
    banking.transaction.history: can I get my latest transactions
    banking.transaction.history: show me everything I bought this week | time_period=this week
    banking.transaction.history: what did I pay for yesterday | time_period=yesterday
    banking.transaction.history: I'd like my bank statement for march | time_period=march
    banking.transaction.history: has the money from my employer arrived
    banking.transaction.history: who charged me 9.99?
    banking.transaction.history: list all deposits to my savings account | account_type=savings
    banking.transaction.history: there's a payment I don't remember, show me the last 10 | number=10
    banking.transfer.money: transfer 35 dollars from my checking account to savings | amount=35.00; account_type=checking,savings
    banking.transfer.money: move 500 to savings | amount=500.00; account_type=savings
    banking.transfer.money: I would like to put eighty dollars into my savings | amount=80.00; account_type=savings
    banking.transfer.money: please transfer my rent money from savings to checking | account_type=savings,checking
    banking.transfer.money: can you make an internal transfer for me
    banking.transfer.money: send $1,000 from savings over to checking | amount=1000.00; account_type=savings,checking
    banking.transfer.money: I want to send money
    banking.card.info: can you show my card information
    banking.card.info: which cards are active right now
    banking.card.info: when will my new debit card arrive? | card_type=debit
    banking.card.info: what's the limit on my credit card | card_type=credit
    banking.card.block: please block my card, I think it was stolen
    banking.card.block: I dropped my debit card somewhere on the train | card_type=debit
    banking.card.block: can you temporarily freeze my credit card | card_type=credit
    banking.card.block: there is fraud on my card
    banking.card.block: my credit card has disappeared | card_type=credit
    banking.card.unblock: I'd like to unfreeze my debit card please | card_type=debit
    banking.card.unblock: my card was blocked by mistake, please unblock it
    banking.card.unblock: make my credit card usable again | card_type=credit
    banking.loan.info: how do I get a personal loan | loan_type=personal
    banking.loan.info: what interest do you charge for a car loan | loan_type=auto
    banking.bill.payment: I'd like to pay my insurance bill | bill_type=insurance
    banking.bill.payment: please pay 60 dollars for my water bill | amount=60.00; bill_type=water
    banking.bill.payment: can I schedule a bill payment for next week
    banking.account.info: please give me my account number and routing number
    banking.account.info: show all of my accounts
    banking.account.info: what is the interest rate on savings | account_type=savings
    banking.help: how can you help me with my bank account
    greeting: good day to you
    farewell: thanks, that's all for now, goodbye
    help: I don't know what to do, can you help
    affirmation: yes please
    negation: no, leave it
    unknown: what time does the movie start
    unknown: I left my umbrella at the office
    """
