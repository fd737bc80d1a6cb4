Feature: Circuit breakers

  A service that keeps failing is left alone for a while, over restarts.

  Background:
    Given a server of its own with a manual clock

  @CIRC-1 @PH-4
  Scenario: Failures in a row open a circuit, time makes it half open, a probe closes it
    When 2 calls to "stripe-api" fail
    And 1 call to "stripe-api" works
    And 2 calls to "stripe-api" fail
    Then circuit "stripe-api" is "closed" after 2 failures
    When 1 call to "stripe-api" fails
    Then circuit "stripe-api" is "open" after 3 failures
    And a call to "stripe-api" is refused for another 60000 ms
    When 59999 ms pass
    Then a call to "stripe-api" is refused for another 1 ms
    When 1 ms pass
    Then circuit "stripe-api" becomes "half_open"
    When 1 call to "stripe-api" works
    Then circuit "stripe-api" is "closed" after 0 failures

  @CIRC-1
  Scenario: A probe that fails opens it again, for the whole time
    When 3 calls to "stripe-api" fail
    And 60000 ms pass
    And 1 call to "stripe-api" fails
    Then circuit "stripe-api" is "open" after 4 failures
    And a call to "stripe-api" is refused for another 60000 ms

  @CIRC-1
  Scenario: A service that says no is well
    When 5 calls to "stripe-api" are declined
    Then circuit "stripe-api" is "closed" after 0 failures

  @CIRC-1 @CIRC-4 @PH-4
  Scenario: Of a hundred calls at once, one is the probe; the others are refused while it hangs
    When 3 calls to "stripe-api" fail
    And 60000 ms pass
    And 100 calls to "stripe-api" that hang are made at once
    Then 99 of them are refused by "stripe-api" and 1 is the probe

  @CIRC-2
  Scenario: Failures that happen at once are all counted
    When 8 calls to "sendgrid" that fail are made at once
    Then circuit "sendgrid" becomes "closed" after 8 failures

  @CIRC-2
  Scenario: A circuit that nobody has heard of is closed, with the defaults
    When I GET "/api/v1/circuits/unheard-of"
    Then the answer is 200
    And the answer's "state" is "closed"
    And the answer's "config" is {"failure_threshold": 5, "reset_timeout_ms": 30000, "success_threshold": 1}

  @CIRC-2 @CIRC-5
  Scenario: A restart keeps it open for the time that is left; other services go on
    When 3 calls to "stripe-api" fail
    And 20000 ms pass
    And the server is killed and started again
    Then a call to "stripe-api" is refused for another 40000 ms
    And circuit "sendgrid" is "closed" after 0 failures
    When 1 call to "sendgrid" works
    And 40000 ms pass
    Then circuit "stripe-api" becomes "half_open"

  @CIRC-3
  Scenario: A timer moves the opening that it was started for, and no other
    When 3 calls to "stripe-api" fail
    And 10000 ms pass
    And I POST "/api/v1/circuits/stripe-api/close"
    Then the answer is 200
    When 10000 ms pass
    And I POST "/api/v1/circuits/stripe-api/open"
    Then the answer's "state" is "open"
    And the answer's "retry_after_ms" is 60000
    When 40000 ms pass
    Then the timers of "stripe-api" have fired 1 time
    And circuit "stripe-api" is "open" after 0 failures
    And a call to "stripe-api" is refused for another 20000 ms
    When 20000 ms pass
    Then the timers of "stripe-api" have fired 2 times
    And circuit "stripe-api" is "half_open" after 0 failures

  @CIRC-4
  Scenario: A probe that is lost in a crash makes room for the next
    When 3 calls to "stripe-api" fail
    And 60000 ms pass
    And a call to "stripe-api" hangs
    And the server is killed and started again
    And 1 call to "stripe-api" works
    Then circuit "stripe-api" is "closed" after 0 failures

  @CIRC-5
  Scenario: Each service has its own settings
    When I GET "/api/v1/circuits"
    Then the answer is 200
    And the answer's "circuits" has 3 elements
    And the answer's "circuits.0.config" is {"failure_threshold": 10, "reset_timeout_ms": 30000, "success_threshold": 1}
    And the answer's "circuits.1.config" is {"failure_threshold": 3, "reset_timeout_ms": 60000, "success_threshold": 1}
    And the answer's "circuits.2.config" is {"failure_threshold": 5, "reset_timeout_ms": 15000, "success_threshold": 2}
    When 5 calls to "webhook-delivery" fail
    And 15000 ms pass
    And 1 call to "webhook-delivery" works
    Then circuit "webhook-delivery" is "half_open" after 5 failures
    When 1 call to "webhook-delivery" works
    Then circuit "webhook-delivery" is "closed" after 0 failures
