Feature: Consistency boundaries over several streams

  @DCB-1
  Scenario: A scope's key says whose it is
    When I GET "/api/v1/scopes/tenant%3Atenant_123%3Areservation%3Ares_456"
    Then the answer is 200
    And the answer's "tenant_id" is "tenant_123"
    And the answer's "scope_type" is "reservation"
    And the answer's "scope_id" is "res_456"
    And the answer's "version" is 0
    And the answer has no "last_updated_at"
    When I GET "/api/v1/scopes/reservation%3Ares_456"
    Then the answer is 422 "INVALID_SCOPE_KEY_FORMAT"
    And the answer's "detail" contains "tenant"

  @DCB-2
  Scenario: Writers of different streams that share a scope exclude each other
    When 16 callers at once POST "/api/v1/streams/Guest%3Ag-$n/events" with
      """
      {"expected_version": 0, "scopes": {"tenant:t:hall:7": 0},
       "events": [{"type": "SeatTaken", "tags": ["tenant:t:hall:7"]}, {"type": "SeatPaid", "tags": ["tenant:t:hall:7"]}]}
      """
    Then 1 of the answers is 200
    And 15 of the answers are 409
    When I GET "/api/v1/scopes/tenant%3At%3Ahall%3A7"
    Then the answer's "version" is 1
    And the answer's "events" is 2
    And the answer has a "last_updated_at"
    When I POST "/api/v1/streams/Guest%3Aplain/events" with
      """
      {"expected_version": 0, "events": [{"type": "SeatTaken", "tags": ["tenant:t:hall:7"]}]}
      """
    And I GET "/api/v1/scopes/tenant%3At%3Ahall%3A7"
    Then the answer's "version" is 2
    When I POST "/api/v1/streams/Guest%3Alate/events" with
      """
      {"expected_version": 0, "scopes": {"tenant:t:hall:7": 1},
       "events": [{"type": "SeatTaken", "tags": ["tenant:t:hall:7"]}]}
      """
    Then the answer is 409 "SCOPE_VERSION_MISMATCH"
    And the answer's "current_version" is 2

  @DCB-3
  Scenario: A scope's events come from all its streams, in one order
    When I POST "/api/v1/events" with
      """
      {"expected_versions": {"Cart:a": 0, "Cart:b": 0, "Stock:c": 0}, "events": [
        {"stream": "Cart:a", "type": "Added", "tags": ["tenant:t:order:1"]},
        {"stream": "Cart:b", "type": "Added", "tags": ["tenant:t:order:1"]},
        {"stream": "Cart:a", "type": "Added", "tags": ["tenant:t:order:2"]},
        {"stream": "Stock:c", "type": "Held", "tags": ["tenant:t:order:1"]},
        {"stream": "Cart:b", "type": "Added", "tags": ["tenant:t:order:1"]}
      ]}
      """
    Then the answer is 200
    When I GET "/api/v1/scopes/tenant%3At%3Aorder%3A1/events?from=2"
    Then the answer's "events" has 3 elements
    And the answer's "events.0.stream" is "Cart:b"
    And the answer's "events.0.position" is 2
    And the answer's "events.1.stream" is "Stock:c"
    And the answer's "events.1.position" is 4

  @DCB-2
  Scenario: A condition holds where nobody wrote what it forbids
    When 8 callers at once POST "/api/v1/events" with
      """
      {"condition": {"fail_if_events_match": {"items": [{"types": ["NameTaken"], "tags": ["name:ada"]}]}},
       "events": [{"type": "NameTaken", "tags": ["name:ada"], "data": $n}]}
      """
    Then 1 of the answers is 200
    And 7 of the answers are 409
    When I POST "/api/v1/events" with
      """
      {"condition": {"fail_if_events_match": {"items": [{"types": ["NameTaken"], "tags": ["name:ada"]}]}},
       "events": [{"type": "NameTaken", "tags": ["name:ada"]}]}
      """
    Then the answer is 409 "append_condition_failed"
    And the answer's "position" is 1
    When I POST "/api/v1/events" with
      """
      {"condition": {"after": 1, "fail_if_events_match": {"items": [{"types": ["NameTaken"], "tags": ["name:ada"]}]}},
       "events": [{"type": "NameFreed", "tags": ["name:ada"]}]}
      """
    Then the answer is 200

  @DCB-4
  Scenario Outline: A command in a scope needs a tenant, a decider and one bounded context
    Given an account "a"
    And context "notes" has written to scope "tenant:$tenant:desk:1"
    When I POST "/api/v1/commands/<command>" with
      """
      {"command_id": "c", "scopes": {"<scope>": <version>}, "payload": {"id": "a", "cents": 5, "scope": "<scope>"}}
      """
    Then the answer is 422 "<code>"
    And the answer's "detail" contains "<words>"
    When I GET "/api/v1/events"
    Then the answer's "events" has 2 elements
    When I GET "/api/v1/commands/c"
    Then the answer is 404 "command_not_found"

    Examples:
      | command     | scope                      | version | code                     | words                    |
      | Deposit     | desk:1                     | 0       | TENANT_ID_REQUIRED       | tenant:$tenant:TYPE   |
      | Deposit     | tenant:other:desk:1        | 0       | TENANT_ID_REQUIRED       | belongs to tenant `other` |
      | Deposit     | tenant:$tenant:desk     | 0       | INVALID_SCOPE_KEY_FORMAT | tenant:TENANT:TYPE:ID    |
      | NoteInScope | tenant:$tenant:desk:1   | 1       | DECIDER_REQUIRED         | needs one                |
      | Deposit     | tenant:$tenant:desk:1   | 1       | CROSS_BC_NOT_ALLOWED     | use a saga               |

  @DCB-4 @DCB-2
  Scenario: A command moves the scope that it was wished in
    Given an account "a"
    And an account "b"
    When I POST "/api/v1/commands/Deposit" with
      """
      {"scopes": {"tenant:$tenant:desk:2": 0}, "payload": {"id": "a", "cents": 5}}
      """
    Then the answer is 200
    When I POST "/api/v1/commands/Deposit" with
      """
      {"command_id": "late", "scopes": {"tenant:$tenant:desk:2": 0}, "payload": {"id": "b", "cents": 5}}
      """
    Then the answer is 409 "SCOPE_VERSION_MISMATCH"
    And the answer's "current_version" is 1
    # Nothing was recorded, so the same command may be sent again.
    When I POST "/api/v1/commands/Deposit" with
      """
      {"command_id": "late", "scopes": {"tenant:$tenant:desk:2": 1}, "payload": {"id": "b", "cents": 5}}
      """
    Then the answer is 200
    When I GET "/api/v1/scopes/tenant%3A$tenant%3Adesk%3A2/events"
    Then the answer's "events" has 2 elements
    And the answer's "events.1.stream" is "Account:b"

  @DCB-4
  Scenario: A scope of one tenant never matches the events of another
    When I POST "/api/v1/streams/Guest%3A1/events" with
      """
      {"expected_version": 0, "events": [{"type": "SeatTaken", "tags": ["tenant:other:hall:7"]}]}
      """
    Then the answer is 200
    When I GET "/api/v1/scopes/tenant%3A$tenant%3Ahall%3A7"
    Then the answer's "version" is 0
    And the answer's "events" is 0
