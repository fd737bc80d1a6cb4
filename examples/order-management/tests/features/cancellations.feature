Feature: Orders are cancelled, and what was held for them goes back on the shelf

  Background:
    Given customer "ada" called "Ada King" at "ada@example.com"
    And on the shelf
      | prod-rel-01 | 15 |

  @ORD-1 @ORD-4 @ORD-6
  Scenario: Cancel a confirmed order
    Given a draft order "ord-conf-cancel-01" of "ada" over 1 of "prod-rel-01"
    When order "ord-conf-cancel-01" is submitted
    And order "ord-conf-cancel-01" is fulfilled
    Then order "ord-conf-cancel-01" is "confirmed" in both views
    And the saga of order "ord-conf-cancel-01" is "completed"
    When "CancelOrder" is sent with {"orderId": "ord-conf-cancel-01", "reason": "Customer changed mind"}
    Then it is executed
    And order "ord-conf-cancel-01" is "cancelled" in both views

  @ORD-5
  Scenario: Cannot cancel already cancelled order
    Given a draft order "ord-twice-01" of "ada" over 1 of "prod-rel-01"
    When "CancelOrder" is sent with {"orderId": "ord-twice-01", "reason": "too dear"}
    And "CancelOrder" is sent with {"orderId": "ord-twice-01", "reason": "too dear"}
    Then it is rejected with "ORDER_ALREADY_CANCELLED"

  @ORD-2 @ORD-7
  Scenario: The reservation is released once its confirmed order is cancelled
    Given a draft order "ord-rel-01" of "ada" over 5 of "prod-rel-01"
    When order "ord-rel-01" is submitted
    And order "ord-rel-01" is fulfilled
    Then the shelf has
      | prod-rel-01 | 10 | 5 |
    When "CancelOrder" is sent with {"orderId": "ord-rel-01", "reason": "Customer changed mind"}
    Then the reservation of order "ord-rel-01" becomes "released"
    And the shelf has
      | prod-rel-01 | 15 | 0 |
    And it was released by the process manager, because of the cancellation of order "ord-rel-01"

  @ORD-8
  Scenario: Cancelling a draft releases nothing
    Given a draft order "ord-draft-01" of "ada" over 1 of "prod-rel-01"
    When "CancelOrder" is sent with {"orderId": "ord-draft-01", "reason": "too dear"}
    Then the process manager has dealt with everything
    And it sent 0 commands

  @ORD-9
  Scenario: What is held for a submitted order is released
    Given a large draft order "ord-sub-01" of "ada" over 5 of "prod-rel-01"
    When order "ord-sub-01" is submitted
    Then the reservation of order "ord-sub-01" becomes "pending"
    When "CancelOrder" is sent with {"orderId": "ord-sub-01", "reason": "changed my mind"}
    Then the reservation of order "ord-sub-01" becomes "released"
    And the shelf has
      | prod-rel-01 | 15 | 0 |

  @ORD-9
  Scenario Outline: A customer who cancels right after <event> races with the order's saga, and gets everything back
    Given a draft order "ord-race" of "ada" over 5 of "prod-rel-01"
    When order "ord-race" is submitted
    And order "ord-race" is cancelled as soon as "<event>" has happened
    Then the saga of order "ord-race" is over
    And order "ord-race" is "cancelled" in both views
    And the process manager has dealt with everything
    And the shelf has
      | prod-rel-01 | 15 | 0 |

    Examples:
      | event                |
      | OrderSubmitted       |
      | ReservationCreated   |
      | OrderConfirmed       |
      | ReservationConfirmed |

  @ORD-10
  Scenario: A cancellation that comes again releases once, over a crash, too
    Given a shop of its own
    And customer "ada" called "Ada King" at "ada@example.com"
    And on the shelf
      | prod-rel-01 | 15 |
    And a draft order "ord-dup-01" of "ada" over 5 of "prod-rel-01"
    When order "ord-dup-01" is submitted
    And order "ord-dup-01" is fulfilled
    And "CancelOrder" is sent with {"orderId": "ord-dup-01", "reason": "changed my mind"}
    And the shop is killed and started again
    Then the reservation of order "ord-dup-01" becomes "released"
    When the shop is killed and started again
    And the cancellation of order "ord-dup-01" is delivered again
    And the cancellation of order "ord-dup-01" is delivered again
    Then the process manager has dealt with everything
    And there is 1 "ReservationReleased" event
    And it sent 1 commands
    And the shelf has
      | prod-rel-01 | 15 | 0 |
