Feature: Limits on how often

  @DFA-1
  Scenario: What is used up stays used up over a restart, by key
    Given a server of its own
    When I POST "/api/v1/commands/Knock" with
      """
      {"payload": {"id": "door"}, "user_id": "alice"}
      """
    Then the answer is 200
    When I POST "/api/v1/commands/Knock" with
      """
      {"payload": {"id": "door"}, "user_id": "alice"}
      """
    Then the answer is 200
    When I POST "/api/v1/commands/Knock" with
      """
      {"payload": {"id": "door"}, "user_id": "alice"}
      """
    Then the answer is 429 "RATE_LIMITED"
    And the answer has a "context.retry_after_ms"
    When the server is killed and started again
    And I POST "/api/v1/commands/Knock" with
      """
      {"payload": {"id": "door"}, "user_id": "alice"}
      """
    Then the answer is 429 "RATE_LIMITED"
    When I POST "/api/v1/commands/Knock" with
      """
      {"payload": {"id": "door"}, "user_id": "bob"}
      """
    Then the answer is 200
