Feature: Events in streams

  Background:
    When I POST "/api/v1/streams/Order%3Ao-1/events" with
      """
      {"expected_version": 0, "events": [
        {"type": "OrderOpened", "data": {"total": 1}, "tags": ["customer:ada"]},
        {"type": "OrderMoved", "data": {}}, {"type": "OrderMoved", "data": {}}
      ]}
      """

  @ES-1
  Scenario: An event cannot be changed or deleted
    When I GET "/api/v1/events/1"
    Then I remember the answer's "hash" as "hash"
    When I PUT "/api/v1/events/1" with
      """
      {"data": {"total": 2}}
      """
    Then the answer is 405
    When I PATCH "/api/v1/events/1" with
      """
      {"data": {"total": 2}}
      """
    Then the answer is 405
    When I DELETE "/api/v1/events/1"
    Then the answer is 405
    When I DELETE "/api/v1/streams/Order%3Ao-1/events"
    Then the answer is 405
    When I GET "/api/v1/events/1"
    Then the answer's "hash" is "$hash"
    And the answer's "data" is {"total": 1}

  @ES-2
  Scenario: Versions of a stream begin at one and have no gap
    Then the answer is 200
    And the answer's "status" is "appended"
    And the answer's "versions" is {"Order:o-1": 3}
    When I POST "/api/v1/streams/Order%3Ao-1/events" with
      """
      {"expected_version": 7, "events": [{"type": "OrderMoved"}]}
      """
    Then the answer is 409
    When I POST "/api/v1/streams/Order%3Ao-1/events" with
      """
      {"expected_version": 3, "events": [{"type": "OrderMoved"}, {"type": "OrderClosed"}]}
      """
    Then the answer's "versions" is {"Order:o-1": 5}
    When I GET "/api/v1/streams/Order%3Ao-1/events"
    Then the answer's "events" has 5 elements
    And the answer's "events.0.version" is 1
    And the answer's "events.4.version" is 5
    And the answer's "events.4.type" is "OrderClosed"
    When I GET "/api/v1/streams/Order%3Ao-1/events?direction=backwards&page_size=2"
    Then the answer's "events.0.version" is 5
    And the answer's "next_page_token" is "3"

  @ES-4
  Scenario: Who expects another version is told the one there is
    When I POST "/api/v1/streams/Order%3Ao-1/events" with
      """
      {"expected_version": 2, "events": [{"type": "OrderMoved"}]}
      """
    Then the answer is 409 "VERSION_CONFLICT"
    And the answer's "current_version" is 3
    And the answer's "expected_version" is 2
    When I POST "/api/v1/streams/Order%3Ao-1/events" with
      """
      {"expected_version": 3, "events": [{"type": "OrderMoved"}]}
      """
    Then the answer is 200
    And the answer's "positions" is [4]

  @ES-4
  Scenario: Of racers from one version exactly one wins
    When 16 callers at once POST "/api/v1/streams/Order%3Ao-1/events" with
      """
      {"expected_version": 3, "events": [{"type": "OrderMoved", "data": $n}, {"type": "OrderMoved"}]}
      """
    Then 1 of the answers is 200
    And 15 of the answers are 409
    When I GET "/api/v1/streams/Order%3Ao-1"
    Then the answer's "version" is 5

  @ES-4
  Scenario: An append says what guards it
    When I POST "/api/v1/streams/Order%3Ao-1/events" with
      """
      {"events": [{"type": "OrderMoved"}]}
      """
    Then the answer is 400 "invalid_request"
    And the answer's "detail" contains "expected_version"

  @PKG-5
  Scenario: Reserved names are refused
    When I POST "/api/v1/streams/Order%3Ao-1/events" with
      """
      {"expected_version": 3, "events": [{"type": "$OrderMoved"}]}
      """
    Then the answer is 422 "invalid_request"
    And the answer's "detail" contains "reserved"

  Scenario: Events are found by type, by tag and by what belongs together
    When I POST "/api/v1/streams/Order%3Ao-2/events" with
      """
      {"expected_version": 0, "events": [
        {"type": "OrderOpened", "tags": ["customer:ada", "big"], "correlation_id": "c-1"}
      ]}
      """
    And I GET "/api/v1/events?tags=customer:ada&types=OrderOpened"
    Then the answer's "events" has 2 elements
    When I GET "/api/v1/events?tags=customer:ada,big"
    Then the answer's "events.0.stream" is "Order:o-2"
    When I GET "/api/v1/events?correlation_id=c-1"
    Then the answer's "events.0.position" is 4
    When I POST "/api/v1/events/query?direction=backwards" with
      """
      {"items": [{"types": ["OrderMoved"]}, {"tags": ["big"]}]}
      """
    Then the answer's "events" has 3 elements
    And the answer's "events.0.position" is 4
    When I GET "/api/v1/streams?type_prefix=Ord"
    Then the answer's "streams" has 2 elements
    When I GET "/api/v1/event-types"
    Then the answer's "names.1.events" is 2

  @ES-3
  Scenario: Whoever waits for the next event gets it
    When I GET "/api/v1/events?after=3&follow_ms=1"
    Then the answer's "events" has 0 elements
    And the answer's "last_position" is 3

  @ES-3
  Scenario: A reader that follows many writers meets every position once, over crashes
    Given a server of its own
    When 64 writers append 10000 times each while a reader follows and the server is killed 3 times
    Then the reader has seen every event once, in order
