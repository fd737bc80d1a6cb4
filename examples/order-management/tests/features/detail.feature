Feature: The page of an order

  Rule: What is wished for is shown at once, what happened comes by itself

    @EX-2
    Scenario: A cancellation is shown before it is answered, and then what came of it
      Given a customer and a draft order "o-1" on the page
      When somebody cancels it with the reason "changed my mind"
      Then the page has shown "draft", "cancelling…" and "cancelled", in this order
      And "cancelling…" was shown before the command was answered
      And it shows "OrderCancelled"
      And nothing was asked for but the command

    @EX-2
    Scenario: What others do comes without being asked for
      Given a customer and a draft order "o-1" on the page
      When "CancelOrder" is sent with {"orderId": "o-1", "reason": "by phone"}
      Then it is executed
      And the page has shown "draft" and "cancelled", in this order
      And nothing was asked for
      And nothing is asked for while three seconds pass

    @EX-2 @RX-3
    Scenario: A refusal takes back what was shown, and says why
      Given a customer and a draft order "o-1" on the page
      When somebody cancels it with the reason ""
      Then the page has shown "draft", "cancelling…" and "draft", in this order
      And it says "Not cancelled"
      And the roll-back is logged

    @EX-2
    Scenario: The page runs ahead of a read model that waits
      Given a customer and a draft order "o-1" on the page
      And the read model of the page waits
      When somebody cancels it with the reason "changed my mind"
      Then the page has shown "draft", "cancelling…" and "cancelled", in this order

  Rule: What is expected gives way to what happened, in the page itself

    @RX-3
    Scenario: What is ahead is merged with what others do
      Given a customer and a draft order "o-1" on the page
      And what the page sends gets lost
      When somebody cancels it with the reason "changed my mind"
      And somebody else puts "abacus" on the shelf, and then into order "o-1"
      Then it shows "abacus"
      And the page has shown "draft" and "cancelling…", in this order

    @RX-3
    Scenario: Another event at its place takes back what was expected
      Given a customer and a draft order "o-1" on the page
      And the newest event of all is one of order "o-1", and on the page
      And what the page sends gets lost
      When somebody cancels it with the reason "changed my mind"
      And somebody else puts "abacus" into order "o-1"
      Then the page has shown "draft", "cancelling…" and "draft", in this order
      And it shows "abacus"
      And it says "came first"
      And the roll-back is logged

    @RX-3
    Scenario: What nothing is heard of is taken back after thirty seconds
      Given a customer and a draft order "o-1" on the page
      And what the page sends gets lost
      When somebody cancels it with the reason "changed my mind"
      And 30 seconds pass on the page
      Then the page has shown "draft" and "cancelling…", in this order
      When 1 second passes on the page
      Then the page has shown "draft", "cancelling…" and "draft", in this order
      And it says "nothing was heard of it"
      And the roll-back is logged

    @RX-3
    Scenario: What happened after a crash wins over what was expected before it
      Given a shop of its own
      And a customer and a draft order "o-1" on the page
      And the newest event of all is one of order "o-1", and on the page
      And what the page sends gets lost
      When somebody cancels it with the reason "changed my mind"
      And the shop of the page is killed and started again
      Then the page has shown "draft" and "cancelling…", in this order
      When somebody else puts "abacus" into order "o-1"
      Then the page has shown "draft", "cancelling…" and "draft", in this order
      And it shows "abacus"
      And it says "came first"
      And the roll-back is logged
      And the page is live again, and was not loaded again

    @RX-3
    Scenario: What was recorded before a crash is confirmed after it, though nobody answered
      Given a shop of its own
      And a customer and a draft order "o-1" on the page
      And the page hears nothing of its shop, which hears the page
      When somebody cancels it with the reason "changed my mind"
      Then the page has shown "draft" and "cancelling…", in this order
      And order "o-1" has become "cancelled" at the shop
      When the shop of the page is killed and started again
      And the page hears its shop again
      Then the page has shown "draft", "cancelling…" and "cancelled", in this order
      And it shows "OrderCancelled"
      And nothing was rolled back
      And the page is live again, and was not loaded again

  Rule: What loads has its place

    @D-25
    Scenario: Skeletons stand where rows are read, until they are there
      Given a customer and a draft order "o-1" on the page
      Then the page comes with a skeleton in each table, and says that it is busy
      And the window has rows in the place of skeletons, and is not busy
