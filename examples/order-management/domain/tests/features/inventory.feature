@BDD-1 @BDD-2
Feature: Inventory

  A reservation holds all that an order needs, or nothing.

  Background:
    Given a warehouse with
      | abacus      | 10 |
      | slide-rule  | 5  |
      | drum-memory | 1  |

  @DCB-5
  Scenario: Several products are reserved by one event
    When "r-1" reserves 2 of "abacus", 5 of "slide-rule", 1 of "drum-memory"
    Then 1 ReservationCreated happened and nothing else
    And the stock is
      | abacus      | 8 | 2 |
      | slide-rule  | 0 | 5 |
      | drum-memory | 0 | 1 |

  @DCB-5
  Scenario: One that is short keeps all of them on the shelf, and is named
    When "r-1" reserves 2 of "abacus", 2 of "drum-memory", 1 of "slide-rule"
    Then it is rejected with "INSUFFICIENT_STOCK" about "product" "drum-memory"
    And the stock is
      | abacus      | 10 | 0 |
      | slide-rule  | 5  | 0 |
      | drum-memory | 1  | 0 |

  Scenario: The same product twice counts together
    When "r-1" reserves 6 of "abacus", 6 of "abacus"
    Then it is rejected with "INSUFFICIENT_STOCK" about "product" "abacus"

  Scenario: What is not sold here cannot be reserved
    When "r-1" reserves 1 of "perpetual-motion"
    Then it is rejected with "PRODUCT_NOT_FOUND" about "product" "perpetual-motion"

  Scenario: Nothing is held for an order that does not exist
    Given an order that nobody has placed
    When "r-1" reserves 1 of "abacus"
    Then it is rejected with "ORDER_NOT_FOUND" about "order" "o-1"

  Scenario: What is released is back on the shelf, once
    Given "r-1" reserved 3 of "abacus"
    When "r-1" is released
    And "r-1" is released
    Then nothing happened
    And the stock is
      | abacus      | 10 | 0 |
      | slide-rule  | 5  | 0 |
      | drum-memory | 1  | 0 |

  Scenario: What is confirmed stays held, and can still be released
    Given "r-1" reserved 3 of "abacus"
    When "r-1" is confirmed
    Then the stock is
      | abacus      | 7 | 3 |
      | slide-rule  | 5 | 0 |
      | drum-memory | 1 | 0 |
    When "r-1" is released
    Then the stock is
      | abacus      | 10 | 0 |
      | slide-rule  | 5  | 0 |
      | drum-memory | 1  | 0 |

  @DEC-3
  Scenario: What was released is not confirmed
    Given "r-1" reserved 3 of "abacus"
    When "r-1" is released
    And "r-1" is confirmed
    Then it is rejected with "INVALID_STATUS" about "from" "released"

  Scenario: A reservation that nobody made is neither confirmed nor released
    When "r-9" is confirmed
    Then it is rejected with "RESERVATION_NOT_FOUND" about "reservation" "r-9"
    When "r-9" is released
    Then it is rejected with "RESERVATION_NOT_FOUND" about "reservation" "r-9"

  Scenario: One reservation an id
    Given "r-1" reserved 3 of "abacus"
    When "r-1" reserves 1 of "abacus"
    Then it is rejected with "RESERVATION_ALREADY_EXISTS" about "reservation" "r-1"

  Scenario: Whatever is reserved and released, each product's pieces stay the same
    When 5000 random reservations are made, confirmed and released
    Then each product has as many pieces as at first
