@BDD-1 @BDD-2
Feature: Orders

  What may be done to an order, decided with nothing around it.

  Background:
    Given a draft order of "ada"

  @DEC-2
  Scenario: A filled draft is submitted with what was true of the customer
    Given it has 2 of "abacus" at 12900 cents
    And it has 1 of "slide-rule" at 4900 cents
    When it is submitted at 1700000000000 by "Ada King" with "ada@example.com"
    Then OrderSubmitted says that it costs 30700 cents
    And OrderSubmitted names "Ada King" and "ada@example.com" at 1700000000000
    And the order is submitted

  Scenario: More of the same product is one line
    Given it has 2 of "abacus" at 12900 cents
    When 3 of "abacus" at 12900 cents are added
    Then it has 5 of "abacus" in 1 line

  Scenario: A product is taken out again, once
    Given it has 2 of "abacus" at 12900 cents
    When "abacus" is removed
    Then it has 0 lines
    When "abacus" is removed
    Then it is rejected with "ORDER_ITEM_NOT_FOUND" about "product" "abacus"

  @DEC-2
  Scenario: An empty order is not submitted
    When it is submitted at 0 by "Ada King" with "ada@example.com"
    Then it is rejected with "ORDER_EMPTY"

  Scenario: Nobody orders who is not known
    Given it has 2 of "abacus" at 12900 cents
    When it is submitted by nobody
    Then it is rejected with "CUSTOMER_NOT_FOUND" about "customer" "ada"

  Scenario: A line has at least one piece
    When 0 of "abacus" at 12900 cents are added
    Then it is rejected with "INVALID_QUANTITY" about "product" "abacus"

  Scenario: What was submitted is not changed any more
    Given it is submitted
    When 1 of "abacus" at 12900 cents are added
    Then it is rejected with "ORDER_NOT_DRAFT" about "status" "submitted"

  @DEC-3 @ORD-1 @ORD-5 @ORD-6
  Scenario Outline: A <from> order answers <wish> as its machine says
    Given it is <from>
    When it is to be <wish>
    Then the outcome is <outcome>

    Examples:
      | from      | wish      | outcome                    |
      | draft     | confirmed | INVALID_STATUS from draft  |
      | draft     | cancelled | cancelled                  |
      | submitted | submitted | INVALID_STATUS from submitted |
      | submitted | confirmed | confirmed                  |
      | submitted | cancelled | cancelled                  |
      | confirmed | confirmed | INVALID_STATUS from confirmed |
      | confirmed | cancelled | cancelled                  |
      | cancelled | confirmed | INVALID_STATUS from cancelled |
      | cancelled | cancelled | ORDER_ALREADY_CANCELLED    |

  Scenario: Two machines without a mistake in their tables
    Then the tables of orders and reservations contradict nothing
