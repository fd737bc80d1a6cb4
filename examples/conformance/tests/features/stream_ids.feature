Feature: Deterministic stream ids

  @HASH-1
  Scenario: The same key gives the same id, and its parts have an order
    When I POST "/api/v1/stream-ids" with
      """
      {"entity_type": "User", "key": "alice@example.com"}
      """
    Then the answer is 200
    And the answer's "stream_type" is "User"
    And the answer's "stream_id" contains "User:"
    And I remember the answer's "stream_id" as "alice"
    When I POST "/api/v1/stream-ids" with
      """
      {"entity_type": "User", "key": ["alice@example.com"]}
      """
    Then the answer's "stream_id" is "$alice"
    When I POST "/api/v1/stream-ids" with
      """
      {"entity_type": "Seat", "key": ["a", "bc"]}
      """
    And I remember the answer's "id" as "seat"
    And I POST "/api/v1/stream-ids" with
      """
      {"entity_type": "Seat", "key": ["ab", "c"]}
      """
    Then the answer's "id" differs from "$seat"

  @HASH-1
  Scenario: A rotated secret gives new ids and keeps the old ones
    When I POST "/api/v1/stream-ids" with
      """
      {"entity_type": "User", "key": "alice@example.com"}
      """
    And I remember the answer's "stream_id" as "before"
    And I POST "/api/v1/admin/stream-ids/rotate"
    Then the answer's "secrets" is 2
    When I POST "/api/v1/stream-ids" with
      """
      {"entity_type": "User", "key": "alice@example.com"}
      """
    Then the answer's "stream_id" differs from "$before"
    And the answer's "older.0" is "$before"

  @HASH-3
  Scenario: An id is letters and digits of one length
    When I POST "/api/v1/stream-ids" with
      """
      {"entity_type": "User", "key": "ä ö:/ü?&=%"}
      """
    Then the answer's "id" has 22 letters and digits
    When I POST "/api/v1/stream-ids" with
      """
      {"entity_type": "no type", "key": "a"}
      """
    Then the answer is 422 "invalid_request"
