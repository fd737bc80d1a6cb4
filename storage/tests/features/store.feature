Feature: A store keeps what it has acknowledged

  Scenario: What was committed is there after the power is lost
    Given a store
    When "seat-1" is set to "taken"
    And the power is lost and the store opened again
    Then "seat-1" is "taken"

  Scenario: A batch is written whole or not at all
    Given a store
    When "seat-1" is set to "taken"
    And a batch sets "seat-2" to "taken" if "seat-1" is absent
    Then the batch is refused
    And "seat-2" is absent
    When the power is lost and the store opened again
    Then "seat-2" is absent

  Scenario: A snapshot does not change
    Given a store
    When "seat-1" is set to "free"
    And a snapshot is taken
    And "seat-1" is set to "taken"
    Then "seat-1" is "taken"
    And "seat-1" was "free" in the snapshot

  Scenario: A disk that fails is not written to again
    Given a store
    When the disk fails and "seat-1" is set to "taken"
    Then the commit is not acknowledged
    When "seat-2" is set to "taken" all the same
    Then the commit is not acknowledged
