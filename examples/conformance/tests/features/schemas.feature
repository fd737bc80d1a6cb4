Feature: The published language

  @INT-2
  Scenario: A compatibility that is promised is checked
    When I POST "/api/v1/schemas" with
      """
      {"event_type": "OrderSent", "version": "1.0.0", "schema": {"type": "object",
       "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}}
      """
    Then the answer is 201
    When I POST "/api/v1/schemas" with
      """
      {"event_type": "OrderSent", "version": "2.0.0", "compatibility": "backward",
       "schema": {"type": "object", "properties": {"order_id": {"type": "string"},
       "carrier": {"type": "string"}}, "required": ["order_id", "carrier"]}}
      """
    Then the answer is 409 "BREAKING_CHANGE"
    And the answer's "detail" contains "`carrier`"
    And the answer's "detail" contains "register an upcaster from 1.0.0 to 2.0.0"
    When I POST "/api/v1/schemas" with
      """
      {"event_type": "OrderSent", "version": "2.0.0", "compatibility": "full",
       "schema": {"type": "object", "properties": {"order_id": {"type": "string"},
       "carrier": {"type": "string"}}, "required": ["order_id"]}}
      """
    Then the answer is 201
    When I GET "/api/v1/schemas/OrderSent"
    Then the answer's "current" is "2.0.0"
    And the answer's "versions" has 2 elements

  @INT-2
  Scenario: A payload is checked, and the field named
    When I POST "/api/v1/schemas" with
      """
      {"event_type": "OrderSent", "version": "1.0.0", "schema": {"type": "object",
       "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}}
      """
    And I POST "/api/v1/schemas/OrderSent/validate" with
      """
      {"payload": {"order_id": 7}}
      """
    Then the answer is 422 "SCHEMA_VALIDATION_FAILED"
    And the answer's "field" is "order_id"
    When I POST "/api/v1/schemas/OrderLost/validate" with
      """
      {"payload": {}}
      """
    Then the answer is 404 "SCHEMA_NOT_FOUND"

  @INT-2
  Scenario: An event of a registered type is appended as its schema says, or not at all
    Given a server of its own
    When I POST "/api/v1/streams/Parcel:1/events" with
      """
      {"expected_version": 0, "events": [{"type": "ParcelLabelled", "data": {"order_id": 7}}]}
      """
    Then the answer is 200
    When I POST "/api/v1/schemas" with
      """
      {"event_type": "ParcelLabelled", "version": "1.0.0", "schema": {"type": "object",
       "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}}
      """
    Then the answer is 201
    When I POST "/api/v1/streams/Parcel:1/events" with
      """
      {"expected_version": 1, "events": [{"type": "ParcelWeighed", "data": 3},
       {"type": "ParcelLabelled", "data": {"order_id": 7}}]}
      """
    Then the answer is 422 "SCHEMA_VALIDATION_FAILED"
    And the answer's "field" is "order_id"
    When the server is killed and started again
    And I GET "/api/v1/streams/Parcel:1/events"
    Then the answer's "events" has 1 elements
    When I POST "/api/v1/streams/Parcel:1/events" with
      """
      {"expected_version": 1, "events": [{"type": "ParcelLabelled", "data": {"order_id": 7}}]}
      """
    Then the answer is 422 "SCHEMA_VALIDATION_FAILED"
    When I POST "/api/v1/streams/Parcel:1/events" with
      """
      {"expected_version": 1, "events": [{"type": "ParcelLabelled", "data": {"order_id": "o7"}}]}
      """
    Then the answer is 200

  @INT-4
  Scenario: Old and new consumers read one payload in their versions
    When I POST "/api/v1/schemas/ParcelSent/read" with
      """
      {"version": "1.0.0", "payload": {"parcel": "p1", "kg": 2}}
      """
    Then the answer is 200
    And the answer's "version" is "3.0.0"
    And the answer's "payload" is {"parcel": "p1", "grams": 2000, "heavy": false}
    When I POST "/api/v1/schemas/ParcelSent/read" with
      """
      {"version": "2.0.0", "to": "1.0.0", "payload": {"parcel": "p1", "grams": 2000}}
      """
    Then the answer's "payload" is {"parcel": "p1", "kg": 2}
    When I POST "/api/v1/schemas/ParcelSent/read" with
      """
      {"version": "3.0.0", "to": "1.0.0", "payload": {"parcel": "p1", "grams": 2000, "heavy": false}}
      """
    Then the answer is 422 "NO_MIGRATION_PATH"

  @INT-1
  Scenario: The context map shows both sides
    When I GET "/api/v1/context-map"
    Then the answer is 200
    And the answer's "contexts.parcels.0.context" is "tracking"
    And the answer's "contexts.parcels.0.type" is "customer-supplier"
    And the answer's "contexts.parcels.0.direction" is "upstream"
    And the answer's "contexts.tracking.0.direction" is "downstream"

  @BC-5 @BC-4
  Scenario: A contract is shown with all that it promises
    When I GET "/api/v1/contexts/parcels/contract"
    Then the answer is 200
    And the answer's "identity.name" is "parcels"
    And the answer's "identity.streamTypePrefix" is "Parcel"
    And the answer's "executionMode" is "dual-write"
    And the answer's "commandTypes" is ["SendParcel"]
    And the answer's "eventTypes" is ["ParcelSent"]
    And the answer's "cmsTypes" is {"parcels": "1.0.0"}
    And the answer's "errorCodes" is ["PARCEL_SENT_ALREADY"]
    When I GET "/api/v1/contexts/nowhere/contract"
    Then the answer is 404 "context_not_found"
    When I GET "/api/v1/contexts"
    Then the answer's "contexts" contains "parcels"

  @INT-5
  Scenario: A consumer that cannot read what is written is recorded
    When I POST "/api/v1/admin/contracts/check"
    Then the answer is 200
    And the answer's "violations.0.code" is "SCHEMA_MISMATCH"
    And the answer's "violations.0.details" contains "register downcaster from 3.0.0 to 1.0.0"
    When I GET "/api/v1/admin/contract-violations?since=2020-01-01T00:00:00Z"
    Then the answer's "count" is 1
    And the answer's "violations.0.eventType" is "ParcelSent"
    And the answer's "violations.0.producerVersion" is "3.0.0"
    And the answer's "violations.0.consumerExpectedVersion" is "1.0.0"
    When I GET "/api/v1/admin/contract-violations?since=2999-01-01T00:00:00Z"
    Then the answer's "count" is 0
