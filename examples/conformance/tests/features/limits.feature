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

  @DFA-1
  Scenario: What is used up can be looked at, and is forgiven by hand
    When I POST "/api/v1/commands/Knock" with
      """
      {"payload": {"id": "door"}, "user_id": "alice"}
      """
    And I POST "/api/v1/commands/Knock" with
      """
      {"payload": {"id": "door"}, "user_id": "alice"}
      """
    Then the answer is 200
    When I GET "/api/v1/limits"
    Then the answer's "limits.0" is {"name": "Knock", "kind": "token_bucket", "rate": 1, "period_ms": 60000, "capacity": 2}
    And the answer's "meters" has 1 element
    And the answer's "meters.0.limit" is "Knock"
    And the answer's "meters.0.key" is "alice"
    And the answer's "meters.0.available" is 0
    When I POST "/api/v1/limits/Knock/reset" with
      """
      {"key": "alice"}
      """
    Then the answer's "reset" is true
    When I POST "/api/v1/limits/Knock/reset" with
      """
      {"key": "alice"}
      """
    Then the answer's "reset" is false
    When I POST "/api/v1/commands/Knock" with
      """
      {"payload": {"id": "door"}, "user_id": "alice"}
      """
    Then the answer is 200

  @DFA-1
  Scenario: Admins alone forgive
    Given a server of its own with tokens
    When I GET as app "/api/v1/limits"
    Then the answer is 200
    When I POST as app "/api/v1/limits/Knock/reset" with
      """
      {"key": "alice"}
      """
    Then the answer is 403 "UNAUTHORIZED"

  @DFA-3
  Scenario: A program's own limiter takes the place of the built-in one, in the same step
    Given a server of its own
    When I POST "/api/v1/commands/Ring" with
      """
      {"payload": {"id": "door"}, "user_id": "alice"}
      """
    Then the answer is 200
    When I POST "/api/v1/commands/Ring" with
      """
      {"payload": {"id": "door"}, "user_id": "alice"}
      """
    Then the answer is 429 "RATE_LIMITED"
    When I remember the answer's "command_id" as "refused"
    And I GET "/api/v1/commands/$refused"
    Then the answer's "refused_by" is "rate_limit"
    When the server is killed and started again
    And I POST "/api/v1/commands/Ring" with
      """
      {"payload": {"id": "door"}, "user_id": "alice"}
      """
    Then the answer is 429 "RATE_LIMITED"
    When I POST "/api/v1/commands/Ring" with
      """
      {"payload": {"id": "door"}, "user_id": "bob"}
      """
    Then the answer is 200
