@BDD-1 @BDD-2
Feature: Customers

  Scenario: Somebody new is known under a name
    When "ada" registers as "Ada" with "ada@example.com"
    Then the customer's name is "Ada"

  Scenario: An address without an @ is none
    When "ada" registers as "Ada" with "nowhere"
    Then it is rejected with "INVALID_EMAIL"

  Scenario: A new name takes the old one's place
    When "ada" registers as "Ada" with "ada@example.com"
    And "ada" is renamed "Ada King"
    Then the customer's name is "Ada King"
    When "ada" is renamed "Ada King"
    Then nothing happened
