Feature: A durable row and what comes after it

  Rule: One evolve says what becomes of a row, wherever it runs

    @RX-2
    Scenario: The same row and the same events give the same state on both sides
      Given a durable row of 40 at position 5
      When the events 6 of +1 and 7 of +1 are folded by a server
      And the events 6 of +1 and 7 of +1 are told to a client
      Then both show 42

    @RX-2
    Scenario: An event that nobody knows leaves the row as it was
      Given a durable row of 40 at position 5
      When an unknown event happens at 6
      Then it shows 40

    @RX-2
    Scenario: The merge needs nothing that a browser does not have
      Then the crate has no dependencies
      And it compiles for wasm where that target is installed

  Rule: What is expected gives way to what has happened

    @RX-3
    Scenario: What is ahead of the durable row is merged in the order of positions
      Given a durable row of 40 at position 5
      When +2 is expected of command "c"
      And event "e-8" of +10 happens at 8
      Then it shows 52
      When event "e-9" of +2 happens at 9 because of "c"
      Then it shows 52
      And the expectation of "c" is confirmed

    @RX-3
    Scenario: Another event at the same position discards what was expected there
      Given a durable row of 40 at position 5
      When +2 is expected of command "c"
      And event "e-6" of +10 happens at 6
      Then it shows 50
      And the expectation of "c" is in conflict

    @RX-3
    Scenario: What is expected for more than 30 seconds is rolled back
      Given a durable row of 40 at position 5
      When +2 is expected of command "c"
      And 30000 ms pass
      Then it shows 42
      When 1 ms passes
      Then it shows 40
      And the expectation of "c" is expired

    @RX-3
    Scenario: After an outage what conflicts goes, the rest stays, and somebody is told
      Given a durable row of 40 at position 5
      When +2 is expected of command "c"
      And +3 is expected of command "d"
      And it is read anew as 50 of position 6, durable up to 6
      Then it shows 53
      And the expectation of "c" is in conflict
      And 1 event is pending

    @RX-3
    Scenario: A refusal takes back what was shown
      Given a durable row of 40 at position 5
      When +2 is expected of command "c"
      And command "c" is refused
      Then it shows 40
      And the expectation of "c" is refused

  Rule: A row says how much of it is durable

    @RX-5
    Scenario: Durable up to 5, and three events more
      Given a durable row of 40 at position 5
      When event "e-6" of +1 happens at 6
      And event "e-7" of +1 happens at 7
      And event "e-8" of +1 happens at 8
      Then it shows 43
      And it is optimistic, durable up to 5, with 3 pending
      When event "e-7" of +1 happens at 7
      Then it shows 43
      When it becomes durable up to 7
      Then it is optimistic, durable up to 7, with 1 pending
      When it becomes durable up to 8
      Then it is not optimistic, durable up to 8, with 0 pending
      And it shows 43

    @RX-5
    Scenario: No row is no error
      Given no durable row
      Then it shows nothing
      And it is not optimistic, durable up to 0, with 0 pending
