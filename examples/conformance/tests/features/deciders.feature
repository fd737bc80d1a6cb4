Feature: Deciders behind commands

  @DEC-5
  Scenario: A command that creates refuses what exists, one that modifies what does not
    When "Deposit" is sent with {"id": "a", "cents": 1}
    Then the answer is 422 "ACCOUNT_NOT_FOUND"
    And the answer's "context.id" is "a"
    When "OpenAccount" is sent with {"id": "a", "owner": "ada"}
    Then the answer is 200
    And the answer's "result" is {"id": "a", "version": 1}
    When "OpenAccount" is sent with {"id": "a", "owner": "bob"}
    Then the answer is 422 "ACCOUNT_EXISTS"
    When "Deposit" is sent with {"id": "a", "cents": 1}
    Then the answer's "result" is {"id": "a", "version": 2}

  @DEC-5
  Scenario: Thirty-two callers create one entity
    When 32 callers at once POST "/api/v1/commands/OpenAccount" with
      """
      {"command_id": "open-$n", "payload": {"id": "a", "owner": "caller $n"}}
      """
    Then 1 of the answers is 200
    And 31 of the answers are 422
    And the stream of account "a" has 1 event

  @DEC-3
  Scenario: A transition that is not allowed names the ones that are
    Given an account "a"
    When "CloseAccount" is sent with {"id": "a"}
    Then the answer is 200
    When "FreezeAccount" is sent with {"id": "a"}
    Then the answer is 422 "INVALID_STATUS"
    And the answer's "detail" contains "`closed` is terminal"
    And the answer's "context" is {"from": "closed", "to": "frozen", "allowed": []}

  @DEC-3
  Scenario: A state that is not terminal lists what may follow
    Given an account "a"
    When "FreezeAccount" is sent with {"id": "a"}
    And "CloseAccount" is sent with {"id": "a"}
    Then the answer is 422 "INVALID_STATUS"
    And the answer's "context.allowed" is ["open"]

  @DCB-5
  Scenario: One decision about several entities: all of it or nothing
    Given an account "a"
    And an account "b"
    And an account "c"
    When "Deposit" is sent with {"id": "a", "cents": 100}
    And "MoveMoney" is sent as "m-1" with {"moves": [{"from": "a", "to": "b", "cents": 60}, {"from": "a", "to": "c", "cents": 60}]}
    Then the answer is 422 "INSUFFICIENT_FUNDS"
    And the answer's "context" is {"account": "a", "available": 40, "requested": 60}
    And the stream of account "b" has 1 event
    When "MoveMoney" is sent as "m-2" with {"moves": [{"from": "a", "to": "b", "cents": 60}, {"from": "b", "to": "c", "cents": 50}]}
    Then the answer is 200
    And the answer's "event_count" is 4
    And the stream of account "a" has 3 events
    And the stream of account "b" has 3 events
    And the stream of account "c" has 2 events
