Feature: Reservations

  @RSV-1
  Scenario: Of many who claim a value at once, one gets it
    When 32 callers at once POST "/api/v1/reservations" with
      """
      {"type": "email", "value": "alice@example.com", "ttl_ms": 300000}
      """
    Then 1 of the answers is 201
    And 31 of the answers are 409
    When I POST "/api/v1/reservations" with
      """
      {"type": "email", "value": "alice@example.com", "ttl_ms": 300000}
      """
    Then the answer is 409 "ALREADY_RESERVED"
    And the answer's "detail" contains "already reserved"
    And the answer has an "expires_at"

  @RSV-2
  Scenario: A claim without a time to live is refused
    When I POST "/api/v1/reservations" with
      """
      {"type": "email", "value": "alice@example.com"}
      """
    Then the answer is 422 "RESERVATION_TTL_REQUIRED"

  @RSV-2
  Scenario: What is not confirmed in time expires, and frees its key
    Given a server of its own with a manual clock
    When I POST "/api/v1/reservations" with
      """
      {"type": "email", "value": "alice@example.com", "ttl_ms": 300000}
      """
    Then the answer is 201
    And I remember the answer's "reservation_id" as "id"
    When 299999 ms pass
    And I GET "/api/v1/reservations/$id"
    Then the answer's "status" is "active"
    When the server is killed and started again
    And 1 ms pass
    And I POST "/api/v1/reservations" with
      """
      {"type": "email", "value": "alice@example.com", "ttl_ms": 300000}
      """
    Then the answer is 201
    When I GET "/api/v1/reservations/$id"
    Then the answer's "status" is "expired"
    When I POST "/api/v1/reservations/$id/confirm" with
      """
      {"entity_id": "User:1"}
      """
    Then the answer is 409 "RESERVATION_EXPIRED"

  @RSV-3
  Scenario: A value is confirmed once, in the commit that creates its entity
    When I POST "/api/v1/reservations" with
      """
      {"type": "username", "value": "alice", "ttl_ms": 300000}
      """
    Then the answer is 201
    And I remember the answer's "reservation_id" as "id"
    When I POST "/api/v1/reservations/$id/confirm" with
      """
      {"entity_id": "User:1", "create": {"stream_type": "User", "stream_id": "1",
       "events": [{"type": "UserRegistered", "data": {"username": "alice"}}]}}
      """
    Then the answer is 200
    And the answer's "status" is "confirmed"
    And the answer's "entity_id" is "User:1"
    When I POST "/api/v1/reservations/$id/confirm" with
      """
      {"entity_id": "User:2"}
      """
    Then the answer is 409 "RESERVATION_ALREADY_CONFIRMED"
    When I POST "/api/v1/reservations/$id/release"
    Then the answer is 409 "RESERVATION_ALREADY_CONFIRMED"

  @RSV-3
  Scenario: A confirmation whose entity exists already confirms nothing
    When I POST "/api/v1/reservations" with
      """
      {"type": "username", "value": "alice", "ttl_ms": 300000}
      """
    And I remember the answer's "reservation_id" as "first"
    And I POST "/api/v1/reservations/$first/confirm" with
      """
      {"entity_id": "User:1", "create": {"stream_type": "User", "stream_id": "1",
       "events": [{"type": "UserRegistered", "data": {}}]}}
      """
    And I POST "/api/v1/reservations" with
      """
      {"type": "username", "value": "bob", "ttl_ms": 300000}
      """
    And I remember the answer's "reservation_id" as "second"
    And I POST "/api/v1/reservations/$second/confirm" with
      """
      {"entity_id": "User:1", "create": {"stream_type": "User", "stream_id": "1",
       "events": [{"type": "UserRegistered", "data": {}}]}}
      """
    Then the answer is 409 "VERSION_CONFLICT"
    When I GET "/api/v1/reservations/$second"
    Then the answer's "status" is "active"

  @RSV-4
  Scenario: What is released is free for the next request
    When I POST "/api/v1/reservations" with
      """
      {"type": "email", "value": "alice@example.com", "ttl_ms": 300000}
      """
    And I remember the answer's "reservation_id" as "id"
    And I POST "/api/v1/reservations/$id/release"
    Then the answer is 200
    And the answer's "status" is "released"
    When I POST "/api/v1/reservations/$id/release"
    Then the answer is 200
    When I POST "/api/v1/reservations" with
      """
      {"type": "email", "value": "alice@example.com", "ttl_ms": 300000}
      """
    Then the answer is 201

  @RSV-5
  Scenario: A key is its type and its value
    When I POST "/api/v1/reservations" with
      """
      {"type": "email", "value": "alice@example.com", "ttl_ms": 300000}
      """
    Then the answer is 201
    And the answer's "key" is "email:alice@example.com"
    When I POST "/api/v1/reservations" with
      """
      {"type": "username", "value": "alice@example.com", "ttl_ms": 300000}
      """
    Then the answer is 201
    When I POST "/api/v1/reservations" with
      """
      {"type": "a", "value": "b:c", "ttl_ms": 300000}
      """
    Then the answer is 201
    And the answer's "key" is "a:b:c"
    When I POST "/api/v1/reservations" with
      """
      {"type": "a:b", "value": "c", "ttl_ms": 300000}
      """
    Then the answer is 422 "INVALID_RESERVATION_KEY"

  @HASH-4
  Scenario: A mutable key is reserved, an immutable one hashed
    When I POST "/api/v1/stream-ids" with
      """
      {"entity_type": "User", "key": "employee-4711"}
      """
    Then the answer is 200
    And I remember the answer's "id" as "user"
    When I POST "/api/v1/reservations" with
      """
      {"type": "email", "value": "alice@example.com", "ttl_ms": 300000}
      """
    And I remember the answer's "reservation_id" as "email"
    And I POST "/api/v1/reservations/$email/confirm" with
      """
      {"entity_id": "User:$user", "create": {"stream_type": "User", "stream_id": "$user",
       "events": [{"type": "UserRegistered", "data": {}}]}}
      """
    Then the answer is 200

  @RSV-2
  Scenario: What is left of a reservation does not keep its namespace
    Given a server of its own with a manual clock
    When I POST "/api/v1/reservations" with
      """
      {"type": "email", "value": "alice@example.com", "ttl_ms": 1000}
      """
    Then the answer is 201
    When I POST "/api/v1/reservations" with
      """
      {"type": "email", "value": "bob@example.com", "ttl_ms": 300000}
      """
    Then the answer is 201
    When 2000 ms pass
    And I DELETE "/api/v1/namespaces/$tenant"
    Then the answer is 204
    When I GET "/api/v1/reservations"
    Then the answer is 404 "namespace_not_found"
    When I POST "/api/v1/namespaces" with
      """
      {"name": "$tenant"}
      """
    Then the answer is 201
    When I POST "/api/v1/reservations" with
      """
      {"type": "email", "value": "bob@example.com", "ttl_ms": 300000}
      """
    Then the answer is 201
