/// What customers write, and what they want: the table that the rules of the built-in nlu were tuned by. It was written
/// before the first rule. A line is `intent: text`, with the entities that matter behind a bar.
let tunedUtterances = """
    banking.balance.check: What is my account balance?
    banking.balance.check: what's my balance
    banking.balance.check: whats my balance
    banking.balance.check: Could you please tell me my current balance?
    banking.balance.check: how much money do I have?
    banking.balance.check: How much do I have in savings? | account_type=savings
    banking.balance.check: how much is in my checking account | account_type=checking
    banking.balance.check: I'd like to know how much is left in my account
    banking.balance.check: show me the balance of my savings account please | account_type=savings
    banking.balance.check: can I see my balances
    banking.balance.check: balance
    banking.balance.check: check balance
    banking.balance.check: my checkings balance pls | account_type=checking
    banking.balance.check: do I have enough money in checking to cover rent? | account_type=checking
    banking.balance.check: how much cash have I got
    banking.balance.check: what are my available funds
    banking.balance.check: Any idea how much I've got left?
    banking.balance.check: I was wondering what my balance is at the moment
    banking.balance.check: am I broke? what's left in the account?
    banking.balance.check: give me my acount balance
    banking.balance.check: what is the total in both accounts
    banking.balance.check: I don't want to transfer anything, just tell me my balance
    banking.balance.check: hi, what's my balance?
    banking.balance.check: Hello there! Can you check my savings balance? Thanks | account_type=savings
    banking.balance.check: where do my accounts stand today
    banking.balance.check: how are my savings doing | account_type=savings
    banking.balance.check: Is there still money on my account 12345678? | account_number=12345678
    banking.transaction.history: show me my recent transactions
    banking.transaction.history: What did I spend last month? | time_period=last month
    banking.transaction.history: transaction history please
    banking.transaction.history: can you list my last 5 transactions | number=5
    banking.transaction.history: I want to see my account activity
    banking.transaction.history: what were my latest purchases?
    banking.transaction.history: Let me see my statement for June | time_period=june
    banking.transaction.history: what came in and went out of my checking account this week? | account_type=checking; time_period=this week
    banking.transaction.history: where did all my money go
    banking.transaction.history: show transactions from yesterday | time_period=yesterday
    banking.transaction.history: have I been charged for anything recently?
    banking.transaction.history: did my salary arrive
    banking.transaction.history: has my paycheck been deposited yet?
    banking.transaction.history: What are these charges on my account?
    banking.transaction.history: list my transfers from last week | time_period=last week
    banking.transaction.history: show me the payments I made last month | time_period=last month
    banking.transaction.history: I'd like to review my spending in the last 30 days | time_period=last 30 days
    banking.transaction.history: transactions for savings | account_type=savings
    banking.transaction.history: what happened on my account since monday
    banking.transaction.history: pls pull up my trasactions
    banking.transaction.history: could I get a statement
    banking.transaction.history: How much did I spend on my debit card this month? | card_type=debit; time_period=this month
    banking.transaction.history: any withdrawals today? | time_period=today
    banking.transaction.history: my last deposit?
    banking.transfer.money: transfer money
    banking.transfer.money: Transfer $200 to savings | amount=200.00; account_type=savings
    banking.transfer.money: I want to transfer 50 dollars from checking to savings | amount=50.00; account_type=checking,savings
    banking.transfer.money: move $1,250.50 from my savings to my checking | amount=1250.50; account_type=savings,checking
    banking.transfer.money: Can you move two hundred dollars into my savings account? | amount=200.00; account_type=savings
    banking.transfer.money: please send 75.25 to savings | amount=75.25; account_type=savings
    banking.transfer.money: I need to make a transfer
    banking.transfer.money: put $20 in savings | amount=20.00; account_type=savings
    banking.transfer.money: could you shift a hundred bucks over to checking | amount=100.00; account_type=checking
    banking.transfer.money: I'd like to send some money to my friend
    banking.transfer.money: wire 500 usd to savings | amount=500.00; account_type=savings
    banking.transfer.money: trasnfer 30 dollars to savings please | amount=30.00; account_type=savings
    banking.transfer.money: how do I transfer money between my accounts?
    banking.transfer.money: is it possible to move funds from savings to checking | account_type=savings,checking
    banking.transfer.money: My rent is due so move 1k from savings to checking | amount=1000.00; account_type=savings,checking
    banking.transfer.money: stash fifty bucks in my savings | amount=50.00; account_type=savings
    banking.transfer.money: I want to save $300 this month, move it to savings | amount=300.00; account_type=savings
    banking.transfer.money: take 40 dollars out of savings and put it in checking | amount=40.00; account_type=savings,checking
    banking.transfer.money: send €100 to my savings account | amount=100.00; currency=EUR; account_type=savings
    banking.transfer.money: Transfer one thousand two hundred and fifty dollars to checking | amount=1250.00; account_type=checking
    banking.transfer.money: hey can u transfer 15 bucks to my savings acct | amount=15.00; account_type=savings
    banking.transfer.money: make a transfer of 99.99 from checking to savings | amount=99.99; account_type=checking,savings
    banking.transfer.money: let's move half a grand... I mean $500 to savings | amount=500.00; account_type=savings
    banking.transfer.money: top up my checking account with $60 | amount=60.00; account_type=checking
    banking.transfer.money: don't block anything, I only want to transfer 10 dollars to savings | amount=10.00; account_type=savings
    banking.transfer.money: I would like to deposit $80 from checking into savings | amount=80.00; account_type=checking,savings
    banking.card.info: what cards do I have?
    banking.card.info: show me my cards
    banking.card.info: Is my debit card active? | card_type=debit
    banking.card.info: what's the status of my credit card | card_type=credit
    banking.card.info: when does my card expire
    banking.card.info: what are the last four digits of my debit card? | card_type=debit
    banking.card.info: Tell me about my credit card | card_type=credit
    banking.card.info: is my card blocked?
    banking.card.info: which of my cards are frozen
    banking.card.info: card details please
    banking.card.info: what is my credit limit
    banking.card.info: I need information about my visa card
    banking.card.info: I'd like to order a new card
    banking.card.info: how do i change the pin of my card
    banking.card.block: block my card
    banking.card.block: Please block my debit card | card_type=debit
    banking.card.block: I lost my credit card | card_type=credit
    banking.card.block: my wallet was stolen and my card is gone
    banking.card.block: freeze my card right now!
    banking.card.block: Someone stole my debit card | card_type=debit
    banking.card.block: I can't find my card anywhere
    banking.card.block: can you lock my visa
    banking.card.block: I think my card has been stolen, what should I do?
    banking.card.block: there are purchases on my card that I didn't make, stop it
    banking.card.block: disable my credit card please | card_type=credit
    banking.card.block: I need you to put a hold on my card
    banking.card.block: cancel my debit card, it's lost | card_type=debit
    banking.card.block: my card's missing
    banking.card.block: I left my card in a taxi
    banking.card.block: suspend the credit card | card_type=credit
    banking.card.block: dont unblock it, block my debit card | card_type=debit
    banking.card.block: deactivate card ending 4421
    banking.card.block: my card got swallowed by the atm
    banking.card.block: would you mind blocking both my cards?
    banking.card.block: somebody is using my card without permission
    banking.card.unblock: unblock my card
    banking.card.unblock: I found my card, please unfreeze it
    banking.card.unblock: can you unlock my debit card? | card_type=debit
    banking.card.unblock: reactivate my credit card | card_type=credit
    banking.card.unblock: I'd like to activate my card again
    banking.card.unblock: Please un-block the debit card | card_type=debit
    banking.card.unblock: turn my card back on
    banking.card.unblock: my card is blocked, can you fix that?
    banking.card.unblock: remove the block from my credit card | card_type=credit
    banking.card.unblock: I got my wallet back so you can enable the card again
    banking.card.unblock: lift the freeze on my visa
    banking.card.unblock: how do I unblock a card?
    banking.card.unblock: why is my card still frozen? please release it
    banking.loan.info: I want to apply for a loan
    banking.loan.info: what are your mortgage rates? | loan_type=mortgage
    banking.loan.info: can I get a car loan | loan_type=auto
    banking.loan.info: How much could I borrow?
    banking.loan.info: do you offer student loans? | loan_type=student
    banking.loan.info: tell me about personal loans please | loan_type=personal
    banking.loan.info: what's the interest on a home loan | loan_type=home
    banking.loan.info: I'm thinking of borrowing money for a new kitchen
    banking.loan.info: am I eligible for a mortgage | loan_type=mortgage
    banking.loan.info: what is the status of my loan application
    banking.loan.info: need a business loan of $20,000 | amount=20000.00; loan_type=business
    banking.loan.info: when is my next loan payment due?
    banking.loan.info: could you lend me some money
    banking.bill.payment: pay my electricity bill | bill_type=electricity
    banking.bill.payment: I need to pay my phone bill | bill_type=phone
    banking.bill.payment: can you pay the water bill from checking? | bill_type=water; account_type=checking
    banking.bill.payment: I want to pay a bill
    banking.bill.payment: pay $120 for internet | amount=120.00; bill_type=internet
    banking.bill.payment: please pay my rent | bill_type=rent
    banking.bill.payment: set up a bill payment
    banking.bill.payment: how can I pay my bills here?
    banking.bill.payment: pay off my credit card bill | bill_type=credit card
    banking.bill.payment: my gas bill is due tomorrow, pay it please | bill_type=gas
    banking.bill.payment: settle my insurance invoice of 89 dollars | amount=89.00; bill_type=insurance
    banking.bill.payment: Could you schedule a payment for the electric bill | bill_type=electricity
    banking.bill.payment: make a payment
    banking.bill.payment: are there any bills I have to pay
    banking.account.info: what's my account number?
    banking.account.info: show me my account details
    banking.account.info: What accounts do I have?
    banking.account.info: I need my routing number
    banking.account.info: list my accounts
    banking.account.info: what is my iban
    banking.account.info: what type of account do I have
    banking.account.info: account information please
    banking.account.info: tell me about my savings account | account_type=savings
    banking.account.info: Can you tell me the number of my checking account? | account_type=checking
    banking.account.info: what interest does my savings account earn? | account_type=savings
    banking.account.info: I'd like to open a new account
    banking.account.info: which accounts are in my name
    banking.help: what can you do with my account?
    banking.help: help me with my banking
    banking.help: what banking services do you offer?
    banking.help: I have a question about my bank account
    banking.help: which banking tasks can you handle
    banking.help: I need some help with my account
    banking.help: what can I ask you about my finances
    greeting: hello
    greeting: Hi
    greeting: hey there!
    greeting: good morning
    greeting: Good evening, how are you?
    greeting: hiya
    greeting: greetings
    greeting: Hello, anyone there?
    greeting: hi :)
    farewell: bye
    farewell: goodbye!
    farewell: see you later
    farewell: that's all, bye bye
    farewell: have a nice day
    farewell: ok thanks, goodbye
    farewell: talk to you tomorrow
    farewell: good night
    help: help
    help: I need help
    help: can you help me?
    help: what can you do?
    help: how does this work
    help: what are my options here
    help: I'm stuck, please assist
    help: who are you
    affirmation: yes
    affirmation: yeah sure
    affirmation: yep
    affirmation: that's right
    affirmation: ok go ahead
    affirmation: please do
    affirmation: correct
    affirmation: sounds good
    affirmation: absolutely
    affirmation: Yes, please do it.
    negation: no
    negation: nope
    negation: no thanks
    negation: never mind
    negation: cancel that
    negation: don't do it
    negation: not now
    negation: stop, that's wrong
    negation: I changed my mind
    negation: I don't think so
    negation: please don't transfer anything
    thanks: thanks
    thanks: thank you so much!
    thanks: thx
    thanks: great, thanks for your help
    thanks: I really appreciate it
    thanks: cheers mate
    thanks: ok thank you
    tools.calculate: calculate 15% of 80
    tools.calculate: what is 12 * 7?
    tools.calculate: please calculate 2+2
    tools.calculate: how much is (4.5 + 3) / 2
    tools.calculate: twenty plus thirty two
    tools.calculate: what's 20 percent of $54.20
    tools.calculate: work out 1200 divided by 12 for me
    unknown: I like your card design
    unknown: what's the weather like today?
    unknown: tell me a joke
    unknown: my brother works at a bank
    unknown: on balance I think the film was good
    unknown: The postcard I sent never arrived
    unknown: asdf qwer
    unknown: can you recommend a restaurant
    unknown: I transferred to a new school last year
    unknown: who won the game yesterday
    unknown: the river bank was flooded
    unknown: I need to save this document
    unknown: play some music
    unknown: your business card looks great
    unknown: how do I find work-life balance?
    unknown: the stock market is crazy
    unknown: my computer is frozen
    unknown: ...
    unknown: is it open on sundays
    unknown: I have to block some time in my calendar
    """
