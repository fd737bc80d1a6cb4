Feature: Sagas

  Steps over several services; what was done is undone in reverse when one of them fails for good.

  @SAGA-1 @SAGA-5
  Scenario: All of its steps are done
    When a trip with "hotel, flight, car" is booked
    Then the saga is "completed"
    And what happened is "do hotel, do flight, do car"
    And its ladder has 3 steps and 3 compensations that are not needed

  @SAGA-1 @SAGA-3
  Scenario Outline: What was done is undone in reverse, and nothing else
    Given no <failing> is to be had
    When a trip with "hotel, flight, car" is booked
    Then the saga is "compensated"
    And what happened is "<happened>"

    Examples:
      | failing | happened                                     |
      | hotel   |                                              |
      | flight  | do hotel, undo hotel                         |
      | car     | do hotel, do flight, undo flight, undo hotel |

  @SAGA-2 @SAGA-3 @SAGA-5
  Scenario Outline: Killed after each commit in turn, it ends the same way, and its status with it
    Given no <failing> is to be had
    Then a trip with "hotel, flight, car" that is killed after each commit in turn is always "<status>"
    And each thing happened once in each of its lives

    Examples:
      | failing | status      |
      | boat    | completed   |
      | flight  | compensated |
      | car     | compensated |

  @SAGA-3
  Scenario: What cannot be undone is tried again when somebody says so
    Given no car is to be had
    And flight cannot be cancelled
    When a trip with "hotel, flight, car" is booked
    Then the saga is stuck at "cancel_booking"
    And its dead letter is "pending"
    When the process stops
    And another one opens the store
    And it is tried again
    Then the saga is stuck at "cancel_booking"
    And its dead letter is "pending"
    Given flight can be cancelled
    When it is tried again
    Then the saga is "compensated"
    And its dead letter is "resolved"
    And what happened is "do hotel, do flight, undo flight, undo hotel"

  @SAGA-3
  Scenario: What need not be undone is passed over when somebody says why
    Given no car is to be had
    And flight cannot be cancelled
    When a trip with "hotel, flight, car" is booked
    Then the saga is stuck at "cancel_booking"
    When it is skipped because "the airline is gone"
    Then the saga is "compensated"
    And its dead letter is "ignored"
    And what happened is "do hotel, do flight, undo hotel"

  @SAGA-4
  Scenario: Whoever starts it again is answered the one that there is
    When 50 callers at once start the trip with "hotel"
    Then 1 of them started it
    And the saga is "completed"
    And what happened is "do hotel"
    When 5 callers at once start the trip with "hotel"
    Then 0 of them started it
    And what happened is "do hotel"

  @SAGA-5
  Scenario: A run that somebody ends has its last word, too
    Given flight takes for ever
    When a trip with "hotel, flight" is begun
    Then the saga is "running"
    When its run is terminated
    Then the saga is "failed"

  @SAGA-5
  Scenario: A saga that is reset goes on from where its history was cut
    Given flight takes for ever
    When a trip with "hotel, flight" is begun
    Then the saga is "running"
    And flight is waited for
    Given flight is at hand
    When its run is reset to its last step
    Then the saga is "completed"
    And what happened is "do hotel, do flight"

  @SAGA-3 @SAGA-5
  Scenario: A saga that is stuck is still stuck when it is reset, and goes on when it is tried again
    Given no car is to be had
    And flight cannot be cancelled
    When a trip with "hotel, flight, car" is booked
    Then the saga is stuck at "cancel_booking"
    When its run is reset to its last step
    Then the saga is stuck at "cancel_booking"
    Given flight can be cancelled
    When it is tried again
    Then the saga is "compensated"
    And its dead letter is "resolved"
    And what happened is "do hotel, do flight, undo flight, undo hotel"
