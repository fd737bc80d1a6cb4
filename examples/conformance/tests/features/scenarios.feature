Feature: How the scenarios are organised

  @BDD-3
  Scenario: A line that two steps match fails the run and names both
    When a feature is run whose line two steps match
    Then the run has failed
    And it named both steps

  @BDD-4
  Scenario: A whole command in a namespace of its own
    When "OpenAccount" is sent as "open" with {"id": "a", "owner": "ada"}
    Then the answer's "status" is "executed"
    And the answer's "result.version" is 1
    When I GET "/api/v1/commands/open/events"
    Then the answer's "events.0.type" is "AccountOpened"
    And the answer's "events.0.position" is 1
    When I GET "/api/v1/commands"
    Then the answer's "commands" has 1 element

  @BDD-1
  Scenario: The crates of the domain have no tests outside their features
    When I look for unit tests in "activities/fsm/src, activities/decider/src, examples/conformance/src/domain"
    Then there are none

  @BDD-5
  Scenario: Every library crate of the workspace tells its promises as features
    When I look for the features of every library crate
    Then there are 8 crates, each with a feature and a test that runs it
