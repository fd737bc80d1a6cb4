Feature: An append that is sent again

  @DUR-2
  Scenario: The same events under the same key are stored once, over a crash too
    Given a server of its own
    When 20 callers at once POST "/api/v1/streams/Order%3Aord-123/events" with
      """
      {"expected_version": 0, "events": [
        {"type": "OrderSubmitted", "data": {"total": 5}, "idempotency_key": "SubmitOrder:ord-123:cmd-456"}
      ]}
      """
    Then 20 of the answers are 200
    And every answer has the same "event_ids"
    When the server is killed and started again
    And I POST "/api/v1/streams/Order%3Aord-123/events" with
      """
      {"expected_version": 0, "events": [
        {"type": "OrderSubmitted", "data": {"total": 5}, "idempotency_key": "SubmitOrder:ord-123:cmd-456"}
      ]}
      """
    Then the answer's "status" is "duplicate"
    And the answer's "positions" is [1]
    When I GET "/api/v1/streams/Order%3Aord-123"
    Then the answer's "version" is 1

  @DUR-2
  Scenario: The same key with other events is a conflict that somebody can see
    When I POST "/api/v1/streams/Payment%3Aord-123/events" with
      """
      {"expected_version": 0, "events": [{"type": "Paid", "data": {"cents": 5}, "idempotency_key": "payment:ord-123"}]}
      """
    And I POST "/api/v1/streams/Payment%3Aord-123/events" with
      """
      {"expected_version": 0, "events": [{"type": "Paid", "data": {"cents": 6}, "idempotency_key": "payment:ord-123"}]}
      """
    Then the answer is 409 "idempotency_conflict"
    When I GET "/api/v1/admin/idempotency-conflicts"
    Then the answer's "conflicts.0.key" is "payment:ord-123"
    When I GET "/api/v1/events"
    Then the answer's "events" has 1 element
