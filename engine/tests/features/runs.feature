Feature: A run goes on where it was

  Scenario: A step that is recorded is not done again
    Given a run of "order" that has charged and waits for "ship"
    When the process dies and another one opens the store
    And signal "ship" is sent
    Then the run has completed with "shipped"
    And it was charged once

  Scenario: A signal counts once, and is not lost with the process
    Given a run of "order" that has charged and waits for "ship"
    When signal "ship" is sent under key "s-1"
    And signal "ship" is sent under key "s-1"
    And the process dies and another one opens the store
    Then the run has completed with "shipped"
    And its history has 1 event "signal_received"

  Scenario: What never was started leaves no trace
    When "unheard_of" is started
    Then that is refused with "unknown_workflow_type"
    And there are no runs

  Scenario: A timer that fell due while nobody ran fires afterwards
    Given a run of "reminder" that sleeps for an hour
    When the process dies and another one opens the store
    And two hours pass
    Then the run has completed with "reminded"
