Feature: A program reaches a server

  Scenario: It starts a workflow and gets its result
    When a client starts "greet" as "g-1" with "Ada" and waits
    Then its result is "Hello, Ada"

  Scenario: A refusal has a code, and names what was asked for
    When a client starts "unheard_of" as "u-1" with "Ada"
    Then it is refused with 422 "unknown_workflow_type"
    And the refusal names "unheard_of"

  Scenario: A start that is sent twice under one key is one start
    When a client starts "greet" under key "k-1" twice
    Then both answers name one run
