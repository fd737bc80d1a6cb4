Feature: A client that folds a view itself, and a server that dies

  @RX-3 @RX-5
  Scenario: A client goes on over a kill, without a gap and without counting twice
    Given a server of its own at one address
    When 1 and 2 are posted to account "ann"
    And a client follows the row of account "ann"
    And 7 is posted to account "ann"
    Then the client shows 3 entries of 10
    When the server is killed and started again
    And 3 and 4 are posted to account "ann"
    Then the client shows 5 entries of 17
    And all of it is durable in the end, and the server reads the same

  @RX-3
  Scenario: What was expected before a kill gives way to what happened after it
    Given a server of its own at one address
    When 1 and 2 are posted to account "ann"
    And a client follows the row of account "ann"
    And it expects 5 of command "c"
    Then the client shows 3 entries of 8
    When the server is killed and started again
    Then the client shows 3 entries of 8
    When 4 is posted to account "ann"
    Then the client comes to show 3 entries of 7, and is told that "c" is in conflict
    And all of it is durable in the end, and the server reads the same
