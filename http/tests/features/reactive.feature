Feature: A client that folds a view itself

  Rule: The client shows what the server shows, by the same code

    @RX-2
    Scenario: What a client folds is what the server folds
      Given the projection waits
      When 5, 7 and 9 are posted to "ann"
      And a client follows the row of "ann"
      And 1, 2 and 3 are posted to "ann"
      Then the client shows 6 entries of 27
      And the server shows the same
      # By another account's event a row does not change.
      When 4 is posted to "bob"
      Then the client shows 6 entries of 27

  Rule: What is expected is shown at once, and taken back

    @RX-3
    Scenario: What is ahead is merged with what others do
      When a client follows the row of "ann"
      And it expects 5 of command "c"
      Then the client shows 1 entry of 5
      When 7 is posted to "bob"
      And 7 is posted to "ann"
      Then the client shows 2 entries of 12
      And no expectation was taken back

    @RX-3
    Scenario: Another event at its place discards what was expected
      When a client follows the row of "ann"
      And it expects 5 of command "c"
      And 7 is posted to "ann"
      Then the client shows 1 entry of 7
      And the expectation of "c" is in conflict

    @RX-3
    Scenario: What nothing is heard of is rolled back
      When a client follows the row of "ann" with patience for 20 ms
      And it expects 5 of command "c"
      Then the client shows 0 entries of 0
      And the expectation of "c" is expired

    @RX-3
    Scenario: After an outage what conflicts goes and the rest stays
      When 1 is posted to "ann"
      And a client follows the row of "ann"
      And it expects 5 of command "c"
      And it expects 6 of command "d"
      And the server goes
      And the server comes back
      And 7 is posted to "ann"
      Then the client shows 3 entries of 14
      And the expectation of "c" is in conflict

    @RX-3
    Scenario: A command that is refused takes back what was shown
      When a client follows the row of "ann"
      And it sends "Nonsense" and expects 5
      Then the client shows 1 entry of 5
      When the command is answered
      Then it is refused as "UNKNOWN_COMMAND_TYPE"
      And the client shows 0 entries of 0

  Rule: The client says how much is durable

    @RX-5
    Scenario: Durable up to 5, three events more, and then all of them
      When 1, 1, 1, 1 and 1 are posted to "ann"
      And the projection has come to 5
      And the projection waits
      And 2, 2 and 2 are posted to "ann"
      And a client follows the row of "ann"
      Then it is durable up to 5 with 3 pending
      And the client shows 8 entries of 11
      When the projection goes on
      Then it is durable up to 8 with 0 pending
      And the client shows 8 entries of 11

    @RX-5
    Scenario: No row is no error
      When a client follows the row of "nobody"
      Then the client shows nothing
      And it is durable up to 0 with 0 pending

    @RX-5
    Scenario: A client goes on over a restart, without a gap and without counting twice
      When 1 is posted to "ann"
      And a client follows the row of "ann"
      And 2 is posted to "ann"
      Then the client shows 2 entries of 3
      When the server goes
      And the server comes back
      And 3 and 4 are posted to "ann"
      Then the client shows 4 entries of 10
      And it has 0 pending in the end
