Feature: Unique entities by their stream

  @HASH-2
  Scenario: Of two who create the same entity, one is told what is taken
    When 16 callers at once create a user with the email "alice@example.com"
    Then 1 of them succeeds
    And the others are refused with "unique_constraint_violation" for "email" "alice@example.com"
