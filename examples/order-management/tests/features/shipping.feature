Feature: What the carriers' side is told of an order

  Nobody reads an integration projection: each of its changes is an event of its own.

  Background:
    Given a shop of its own
    And customer "ada" called "Ada King" at "ada@example.com"
    And on the shelf
      | abacus | 10 |

  @PROJ-2 @INT-2
  Scenario: Every change is told once and handed on, over a kill
    Given a draft order "o-1" of "ada" over 2 of "abacus"
    Then shipping was told that order "o-1" is "draft"
    When order "o-1" is submitted
    And order "o-1" is fulfilled
    And the shop is killed and started again
    Then shipping was told that order "o-1" is "confirmed"
    And it was told nothing twice about order "o-1"
    And its projection says that everything is told
    And every time it was told of order "o-1" is delivered to "shipping"
