Feature: Events that a projection's code refuses

  `accountNotes` refuses garbled notes until its code is mended; see the conformance worker's `notes`.

  @DUR-6
  Scenario: Refused three times, an event is set aside with its row, and everything else goes on
    Given a server of its own
    And 4 notes about 2 accounts
    And a garbled note about account 0
    And 6 notes about 2 accounts
    Then 1 event of "accountNotes" is quarantined
    And the answer's "quarantined.0.position" is 5
    And the answer's "quarantined.0.key" is "account-0"
    And the answer's "quarantined.0.attempts" is 3
    And the answer's "quarantined.0.error" contains "is garbled"
    And "accountNotes" is current
    And the answer's "quarantined" is 1
    # The other row goes on; this one waits with what came later.
    When I GET "/api/v1/projections/accountNotes/rows/account-1"
    Then the answer's "state.count" is 5
    When I GET "/api/v1/projections/accountNotes/rows/account-0"
    Then the answer's "state.count" is 2
    And the answer's "position" is 3
    # Its code refuses it still.
    When I POST "/api/v1/projections/accountNotes/quarantine/5/unquarantine"
    Then the answer is 422 "event_still_refused"
    When I GET "/api/v1/projections/accountNotes/quarantine"
    Then the answer's "quarantined.0.attempts" is 4
    And the answer's "quarantined.0.waiting" is 3
    # Mended: the event, and then in order what waited behind it.
    When the code of "accountNotes" is mended
    And I POST "/api/v1/projections/accountNotes/quarantine/5/unquarantine"
    Then the answer is 200
    And the answer's "events" is 4
    When I GET "/api/v1/projections/accountNotes/quarantine"
    Then the answer's "quarantined" has 0 elements
    When I GET "/api/v1/projections/accountNotes/rows/account-0"
    Then the answer's "state.count" is 6
    And I remember the answer's "state.all" as "unquarantined"
    # The same rows as a rebuild makes.
    When I POST "/api/v1/projections/accountNotes/rebuild"
    Then the rebuild of "accountNotes" ends
    And the answer's "events_processed" is 11
    When I GET "/api/v1/projections/accountNotes/rows/account-0"
    Then the answer's "state.all" is "$unquarantined"
    When I POST "/api/v1/projections/accountNotes/quarantine/5/unquarantine"
    Then the answer is 404 "event_not_quarantined"

  @DUR-6
  Scenario: What is set aside outlives the process
    Given a server of its own
    And a garbled note about account 0
    And 2 notes about 1 accounts
    Then 1 event of "accountNotes" is quarantined
    When the server is killed and started again
    And a garbled note about account 1
    Then 2 events of "accountNotes" are quarantined
    When I POST "/api/v1/projections/accountNotes/quarantine/1/ignore"
    Then the answer is 200
    And the answer's "events" is 3
    When I GET "/api/v1/projections/accountNotes/rows/account-0"
    Then the answer's "state.count" is 2
    When I GET "/api/v1/projections/accountNotes/quarantine"
    Then the answer's "quarantined" has 1 element
    And the answer's "quarantined.0.key" is "account-1"

  @DUR-6
  Scenario: A rebuild with code that is mended leaves nothing in the quarantine
    Given a server of its own
    And 3 notes about 1 accounts
    And a garbled note about account 0
    And 3 notes about 1 accounts
    Then 1 event of "accountNotes" is quarantined
    When the code of "accountNotes" is mended
    And I POST "/api/v1/projections/accountNotes/rebuild"
    Then the rebuild of "accountNotes" ends
    When I GET "/api/v1/projections/accountNotes/quarantine"
    Then the answer's "quarantined" has 0 elements
    When I GET "/api/v1/projections/accountNotes/rows/account-0"
    Then the answer's "state.count" is 7

  @DUR-6
  Scenario: A rebuild with code that is not mended sets the event aside again
    Given a server of its own
    And 3 notes about 1 accounts
    And a garbled note about account 0
    And 3 notes about 1 accounts
    Then 1 event of "accountNotes" is quarantined
    When I POST "/api/v1/projections/accountNotes/rebuild"
    Then the rebuild of "accountNotes" ends
    And the answer's "status" is "completed"
    When I GET "/api/v1/projections/accountNotes/quarantine"
    Then the answer's "quarantined" has 1 element
    And the answer's "quarantined.0.waiting" is 3
    When I GET "/api/v1/projections/accountNotes/rows/account-0"
    Then the answer's "state.count" is 3
