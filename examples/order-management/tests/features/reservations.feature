Feature: Stock is reserved over several products at once

  Background:
    Given customer "ada" called "Ada King" at "ada@example.com"
    And on the shelf
      | abacus      | 10 |
      | slide-rule  | 5  |
      | drum-memory | 1  |

  @EX-1 @DCB-2
  Scenario: Three products are held by one event, in one append
    When I remember the warehouse's scope
    And reservation "r-1" is to hold 2 of "abacus", 1 of "slide-rule", 1 of "drum-memory"
    Then it is executed
    And the only "ReservationCreated" event is about 3 products and stands in one append
    And the warehouse's scope has moved by 1
    And the shelf has
      | abacus      | 8 | 2 |
      | slide-rule  | 4 | 1 |
      | drum-memory | 0 | 1 |

  @EX-1 @DCB-5
  Scenario: One of three that is short keeps all of them on the shelf, and is named
    When I remember the warehouse's scope
    And reservation "r-1" is to hold 2 of "abacus", 2 of "drum-memory", 1 of "slide-rule"
    Then it is rejected with "INSUFFICIENT_STOCK" about "product" "drum-memory"
    And there are 0 "ReservationCreated" events
    And the warehouse's scope has moved by 0
    And the shelf has
      | abacus      | 10 | 0 |
      | slide-rule  | 5  | 0 |
      | drum-memory | 1  | 0 |

  @EX-1 @PROJ-2
  Scenario: Nothing is held for an order that the orders do not know of
    When "ReserveStock" is sent with {"reservationId": "r-1", "orderId": "nobody's", "items": [{"productId": "abacus", "quantity": 1}]}
    Then it is rejected with "ORDER_NOT_FOUND" about "order" "nobody's"
    And there are 0 "ReservationCreated" events

  @EX-1
  Scenario: Those who want the same pieces at once get them or nothing
    When 20 reservations are to hold 1 of "slide-rule", 2 of "abacus" at once
    Then 5 of them succeed
    And there are 5 "ReservationCreated" events
    And the shelf has
      | abacus     | 0 | 10 |
      | slide-rule | 0 | 5  |

  @EX-1 @CB-3 @CB-4
  Scenario: A submitted order is reserved, paid and confirmed by commands of its workflow
    Given a draft order "o-1" of "ada" over 2 of "abacus", 1 of "slide-rule"
    When order "o-1" is submitted
    And order "o-1" is fulfilled
    Then order "o-1" is "confirmed" in both views
    And the workflow of order "o-1" sent "ReserveStock, ConfirmOrder, ConfirmReservation"
    And the steps of order "o-1" are "OrderCreated, OrderItemAdded, OrderItemAdded, OrderSubmitted, ReservationCreated, OrderConfirmed, ReservationConfirmed"
    And the shelf has
      | abacus     | 8 | 2 |
      | slide-rule | 4 | 1 |

  @EX-1
  Scenario: An order that cannot be held is cancelled, and says what was short
    Given a draft order "o-2" of "ada" over 1 of "abacus", 2 of "drum-memory"
    When order "o-2" is submitted
    And order "o-2" is undone because of "INSUFFICIENT_STOCK"
    Then order "o-2" is "cancelled" in both views
    And order "o-2" was cancelled because of "INSUFFICIENT_STOCK" and "drum-memory"
    And the shelf has
      | abacus      | 10 | 0 |
      | drum-memory | 1  | 0 |

  @EX-1
  Scenario: An order that its customer cancels while it waits is not confirmed, and puts back what it held
    Given a large draft order "o-4" of "ada" over 1 of "drum-memory", 2 of "abacus"
    When order "o-4" is submitted
    And "CancelOrder" is sent with {"orderId": "o-4", "reason": "changed my mind"}
    Then it is executed
    When order "o-4" is approved by "grace"
    And order "o-4" is undone because of "INVALID_STATUS"
    Then order "o-4" is "cancelled" in both views
    And order "o-4" was cancelled because of "changed" and "mind"
    And the reservation of order "o-4" is "released"
    And the shelf has
      | abacus      | 10 | 0 |
      | drum-memory | 1  | 0 |

  @BDD-4
  Scenario: What was released is back on the shelf, however often it is asked for
    When reservation "r-1" is to hold 3 of "abacus"
    And "ReleaseReservation" is sent with {"reservationId": "r-1", "reason": "changed my mind"}
    And "ReleaseReservation" is sent with {"reservationId": "r-1", "reason": "changed my mind"}
    Then it is executed
    And there is 1 "ReservationReleased" event
    And the shelf has
      | abacus | 10 | 0 |

  @BDD-4 @DEC-3
  Scenario: An order's machine says what it allows
    Given a draft order "o-3" of "ada" over 1 of "abacus"
    When "ConfirmOrder" is sent with {"orderId": "o-3"}
    Then it is rejected with "INVALID_STATUS" about "from" "draft"
    When "CancelOrder" is sent with {"orderId": "o-3", "reason": "too dear"}
    Then it is executed
    When "CancelOrder" is sent with {"orderId": "o-3", "reason": "too dear"}
    Then it is rejected with "ORDER_ALREADY_CANCELLED"
    When "AddOrderItem" is sent with {"orderId": "o-3", "productId": "abacus", "quantity": 1, "unitPriceCents": 1}
    Then it is rejected with "ORDER_NOT_DRAFT" about "status" "cancelled"
