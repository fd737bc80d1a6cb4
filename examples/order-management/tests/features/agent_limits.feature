Feature: Agents ask within limits, and rest when too much goes wrong

  @AGENT-30 @AGENT-37 @AGENT-38
  Scenario: Sixty questions in a minute are asked, the next one waits for its turn over a kill
    Given a shop of its own whose clock stands still
    When customer "cust_many" cancels 32 orders
    Then the model was asked 30 times about "cust_many"
    When customer "cust_many" cancels 29 orders
    Then the model was asked 59 times about "cust_many"
    When customer "cust_many" cancels 1 order
    Then the model was asked 60 times about "cust_many"
    When customer "cust_many" cancels 1 order without waiting
    Then the audit has "AgentRateLimited" about an event that waits
    And the model was asked 60 times about "cust_many"
    When the shop is killed and started again
    And 59 seconds pass in the shop
    Then the model was asked 0 times about "cust_many"
    When 2 seconds pass in the shop
    Then the last cancellation is dealt with
    And the model was asked 1 time about "cust_many"

  @AGENT-40
  Scenario: A hundred events wait for their turn, and the next one is given up
    Given a shop of its own whose clock stands still
    When customer "cust_many" cancels 62 orders
    Then the model was asked 60 times about "cust_many"
    When 100 customers cancel 3 orders each without waiting
    Then 100 events wait for their turn to ask
    When customer "cust_last" cancels 3 orders without waiting
    Then it has a "pending" dead letter because of "queue_overflow"
    And the audit has "AgentQueueOverflow" about an event that waits
    And 100 events wait for their turn to ask
    And the model was asked 0 times about "cust_last"

  @AGENT-36 @AGENT-42
  Scenario: An agent with five dead letters in a row rests for a minute, and goes on by itself
    Given a shop of its own whose clock stands still
    And the agent may ask 1 time a minute and 1 event may wait
    When customer "cust_first" cancels 3 orders
    And 6 customers cancel 2 orders each
    And customer "queued-1" cancels 1 order without waiting
    Then the audit has "AgentRateLimited" about an event that waits
    When the other 5 cancel 1 order each without waiting
    Then the agent becomes "error_recovery"
    And the audit has "AgentErrorRecoveryStarted" about an event that waits
    When 61 seconds pass in the shop
    Then the agent becomes "active"
    And the audit has "AgentResumed" about an event that waits
