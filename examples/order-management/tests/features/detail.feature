Feature: The page of an order

  Rule: What is wished for is shown at once, what happened comes by itself

    @EX-2
    Scenario: A cancellation is shown before it is answered, and then what came of it
      Given a customer and a draft order "o-1" on the page
      When somebody cancels it with the reason "changed my mind"
      Then the page has shown "draft", "cancelling…" and "cancelled", in this order
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

  Rule: What is expected gives way to what happened

    @RX-3
    Scenario Outline: The page's own rules are those of every client
      Given a customer and a draft order "o-1" on the page
      When the page expects "cancelling…" of command "c" behind position 5
      And <what comes>
      Then the page's row is "<shown>"
      And the page is told "<told>"

      Examples:
        | what comes                                            | shown       | told      |
        | an event of another command comes at position 8       | cancelling… |           |
        | an event of command "c" comes at position 8           | folded      | confirmed |
        | an event of another command comes at position 6       | folded      | conflict  |
        | 30000 ms pass on the page                             | cancelling… |           |
        | 30001 ms pass on the page                             | folded      | expired   |
