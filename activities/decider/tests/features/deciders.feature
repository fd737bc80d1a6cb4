Feature: Deciders

  A basket decides with nothing around it: no store, no clock, no mock.

  @DEC-1 @BDD-2
  Scenario: The same arguments give the same output, a hundred thousand times
    When 100000 random decisions are each made twice
    Then each pair is the same
    And all of it took less than 10000 ms

  @DEC-1
  Scenario: Time and ids are arguments
    Given a basket
    When at 1700000000000 command "cmd-7" adds 2 of "apple"
    Then it happened at 1700000000000 under the id "cmd-7-1"
    When at 1700000000000 command "cmd-7" adds 2 of "apple"
    Then it happened at 1700000000000 under the id "cmd-7-1"

  @DEC-2 @BDD-1
  Scenario: A success has events and the state after them
    Given a basket
    When 2 of "apple" are added
    Then the outcome is a success with 1 event
    And the basket is worth 200

  @DEC-2
  Scenario: A rejection has a code and a context, and no event
    Given a basket
    When 0 of "apple" are added
    Then the outcome is a rejection "INVALID_QUANTITY" whose "quantity" is 0
    And there is no event

  @DEC-2
  Scenario: A failure has an event for the audit, and keeps its context
    Given a basket
    When 2 of "unpriced" are added
    Then the outcome is a failure whose "product" is "unpriced"
    And there is an event for the audit

  @DEC-3 @BDD-1
  Scenario: A state machine's refusal becomes a rejection that says what is allowed
    Given a basket
    When it is paid
    Then the outcome is a rejection "INVALID_STATUS" whose "allowed" is "checked_out"

  @DEC-4
  Scenario: Old events keep their totals when the price formula changes
    Given events of a time when an apple cost 90
    When they are replayed today, when an apple costs 100
    Then the basket is worth 180

  @DEC-4
  Scenario: An event of an unknown type leaves the state as it is
    Given a basket
    When 2 of "apple" are added
    And an event of an unknown type is replayed
    Then the basket is worth 200
