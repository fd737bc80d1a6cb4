Feature: What is begun and never ends is seen

  @DUR-4
  Scenario: A hundred submissions are begun, ninety-five end, and five are left
    When 100 submissions are begun
    And 95 of them end
    And 1 hours pass
    Then 5 submissions are open, for an hour
    When 95 of them end
    Then 5 submissions are open, for an hour

  @DUR-4
  Scenario: The time is over while no process runs, and that is told once
    When 3 submissions are begun
    And 1 of them end
    And the process stops
    And another one opens the store
    And 3 hours pass
    Then 2 submissions are abandoned, by an event each
    When 3 of them end
    And the process stops
    And another one opens the store
    And 3 hours pass
    Then 2 submissions are abandoned, by an event each
    And 0 submissions are open, for an hour
