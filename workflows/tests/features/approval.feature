Feature: Waiting for a decision, but not for ever

  Scenario: A decision before the deadline counts
    Given an expense that waits for its approval until 24 hours have passed
    When 23 hours pass
    And "ada" approves it
    Then the expense is "approved by ada"

  Scenario: The deadline counts when nobody has decided
    Given an expense that waits for its approval until 24 hours have passed
    When 24 hours pass
    Then the expense is "expired"

  Scenario: The deadline passes while no process runs
    Given an expense that waits for its approval until 24 hours have passed
    When the process stops
    And another one opens the store
    And 25 hours pass
    Then the expense is "expired"
