Feature: Subscriptions

  Consumers of a group share the events of the log: each event is handed out until it is settled,
  and of one lane one at a time.

  Background:
    Given a server of its own with a manual clock
    When I POST "/api/v1/streams/Order%3Ao-1/events" with
      """
      {"expected_version": 0, "events": [
        {"type": "OrderOpened", "data": {"n": 1}, "tags": ["customer:ada"]},
        {"type": "OrderMoved", "data": {"n": 2}, "tags": ["customer:ada"]}
      ]}
      """
    And I POST "/api/v1/streams/Order%3Ao-2/events" with
      """
      {"expected_version": 0, "events": [{"type": "OrderOpened", "data": {"n": 3}, "tags": ["customer:bob"]}]}
      """
    And I POST "/api/v1/subscriptions" with
      """
      {"name": "mailing", "lease_ms": 30000, "max_attempts": 2, "backoff_ms": 1000}
      """
    Then the answer is 201

  @ES-5
  Scenario: What was acknowledged is not handed out again, what was handed out still is, over a kill
    When I POST "/api/v1/subscriptions/mailing/poll" with
      """
      {"consumer": "a", "max": 10}
      """
    Then the answer's "deliveries" has 2 elements
    And the answer's "deliveries.0.position" is 1
    And the answer's "deliveries.1.position" is 3
    When I POST "/api/v1/subscriptions/mailing/ack" with
      """
      {"tokens": ["3.1"]}
      """
    And the server is killed and started again
    And I POST "/api/v1/subscriptions/mailing/poll" with
      """
      {"consumer": "b", "max": 10}
      """
    Then the answer's "deliveries" has 0 elements
    When I POST "/api/v1/subscriptions/mailing/ack" with
      """
      {"tokens": ["1.1"]}
      """
    Then the answer's "done" is [1]
    When I POST "/api/v1/subscriptions/mailing/poll" with
      """
      {"consumer": "b", "max": 10}
      """
    Then the answer's "deliveries.0.position" is 2
    And the answer's "deliveries" has 1 element

  Scenario: An event that nobody settles comes again, and is parked in the end
    When I POST "/api/v1/subscriptions/mailing/poll" with
      """
      {"max": 1}
      """
    And 30000 ms pass
    And I POST "/api/v1/subscriptions/mailing/poll" with
      """
      {"max": 1}
      """
    Then the answer's "deliveries.0.position" is 1
    And the answer's "deliveries.0.attempt" is 2
    When 30000 ms pass
    And I POST "/api/v1/subscriptions/mailing/poll" with
      """
      {"max": 10}
      """
    # The lane of the first order waits behind its parked event; the other one goes on.
    Then the answer's "deliveries.0.position" is 3
    And the answer's "deliveries" has 1 element
    When I GET "/api/v1/subscriptions/mailing/parked"
    Then the answer's "parked.0.position" is 1
    And the answer's "parked.0.reason" contains "not acknowledged in time"
    And the answer's "parked.1.position" is 2
    And the answer's "parked.1.is_behind" is true
    When I POST "/api/v1/subscriptions/mailing/parked/replay" with
      """
      {"all": true}
      """
    And I POST "/api/v1/subscriptions/mailing/poll" with
      """
      {"max": 10}
      """
    Then the answer's "deliveries.0.position" is 1
    And the answer's "deliveries" has 1 element

  Scenario: A stalled subscription is told from one that has nothing to do
    When 3600000 ms pass
    And I GET "/api/v1/subscriptions/mailing"
    Then the answer's "status" is "stalled"
    And the answer's "reason" is "no consumer polls"
    When I POST "/api/v1/subscriptions" with
      """
      {"name": "idle", "filter": {"types": ["OrderClosed"]}}
      """
    And 3600000 ms pass
    And I GET "/api/v1/subscriptions/idle"
    Then the answer's "status" is "caught_up"

  @INT-4
  Scenario: An old event is handed out as today's readers know it
    When I POST "/api/v1/streams/Depot%3Ad-1/events" with
      """
      {"expected_version": 0, "events": [{"type": "ParcelSent", "schema_version": 1, "data": {"parcel": "p1", "kg": 2}}]}
      """
    And I POST "/api/v1/subscriptions" with
      """
      {"name": "scales", "filter": {"types": ["ParcelSent"]}}
      """
    And I POST "/api/v1/subscriptions/scales/poll" with
      """
      {"max": 1}
      """
    Then the answer's "deliveries.0.event.schema_version" is 3
    And the answer's "deliveries.0.event.data.grams" is 2000
    When I GET "/api/v1/events/4"
    Then the answer's "schema_version" is 1
    And the answer's "data" is {"parcel": "p1", "kg": 2}
