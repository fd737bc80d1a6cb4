Feature: Fat events and personal data

  Background:
    Given a server of its own
    When I POST "/api/v1/schemas" with
      """
      {"event_type": "CustomerMoved", "version": "1.0.0", "schema": {"type": "object",
       "x-subject": "customer_id", "properties": {"customer_id": {"type": "string"},
       "city": {"type": "string"}, "email": {"type": "string", "x-pii": true}},
       "required": ["customer_id", "city"]}}
      """
    Then the answer is 201

  @ECST-2
  Scenario: A fat event carries the version of its schema
    When I POST "/api/v1/fat-events" with
      """
      {"event_type": "CustomerMoved", "stream_type": "Customer", "stream_id": "c1",
       "data": {"customer_id": "c1", "city": "Zermatt"}}
      """
    Then the answer is 201
    And the answer's "schema_version" is 1
    When I POST "/api/v1/fat-events" with
      """
      {"event_type": "CustomerLost", "stream_type": "Customer", "stream_id": "c1", "data": {}}
      """
    Then the answer is 404 "SCHEMA_NOT_FOUND"
    When I POST "/api/v1/fat-events" with
      """
      {"event_type": "CustomerMoved", "stream_type": "Customer", "stream_id": "c1",
       "data": {"customer_id": "c1"}}
      """
    Then the answer is 422 "SCHEMA_VALIDATION_FAILED"
    And the answer's "field" is "city"

  @ECST-3
  Scenario: What is shredded is gone from every file
    When I POST "/api/v1/fat-events" with
      """
      {"event_type": "CustomerMoved", "stream_type": "Customer", "stream_id": "c1",
       "data": {"customer_id": "c1", "city": "Zermatt", "email": "alice-xyzzy@example.com"}}
      """
    Then the answer is 201
    When I POST "/api/v1/fat-events" with
      """
      {"event_type": "CustomerMoved", "stream_type": "Customer", "stream_id": "c2",
       "data": {"customer_id": "c2", "city": "Chur", "email": "bob-xyzzy@example.com"}}
      """
    Then the answer is 201
    And customer "c1" has the email "alice-xyzzy@example.com"
    And I remember the keys of the key file
    When I DELETE "/api/v1/subjects/c1"
    Then the answer is 200
    And the answer's "status" is "shredded"
    And the email of customer "c1" is shredded
    And customer "c2" has the email "bob-xyzzy@example.com"
    And one key is gone from the key file, and stands in no file
    And no file contains "alice-xyzzy"
    When the server is killed and started again
    Then the email of customer "c1" is shredded
    And customer "c2" has the email "bob-xyzzy@example.com"
    And no file contains "alice-xyzzy"
    # The journal is folded into the state file, and all of it is copied.
    When the server is stopped and started again
    And a backup is made
    Then the email of customer "c1" is shredded
    And one key is gone from the key file, and stands in no file
    And no file contains "alice-xyzzy"
    And no file of the backup contains a key
    When I POST "/api/v1/fat-events" with
      """
      {"event_type": "CustomerMoved", "stream_type": "Customer", "stream_id": "c1",
       "data": {"customer_id": "c1", "city": "Bern", "email": "alice-again@example.com"}}
      """
    Then the answer is 409 "SUBJECT_SHREDDED"

  @ECST-3
  Scenario: Personal data may not stand in a tag
    When I POST "/api/v1/fat-events" with
      """
      {"event_type": "CustomerMoved", "stream_type": "Customer", "stream_id": "c1",
       "tags": ["email:alice@example.com"],
       "data": {"customer_id": "c1", "city": "Zermatt", "email": "alice@example.com"}}
      """
    Then the answer is 422 "PERSONAL_DATA_EXPOSED"
