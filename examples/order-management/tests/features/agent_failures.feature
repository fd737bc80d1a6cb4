Feature: What goes wrong with a model, and what comes of it

  @AGENT-3 @AGENT-21 @AGENT-35
  Scenario Outline: Each failure has its code, and rules conclude in the model's place
    Given a shop of its own whose model is waited for 300 milliseconds
    And the model answers about "cust_<mode>" with the mode "<mode>"
    When customer "cust_<mode>" cancels 3 orders
    Then rules concluded about "cust_<mode>" because of "<code>"
    And the model was asked <times> about "cust_<mode>"
    And the agent is "<status>"

    Examples:
      | mode       | code                 | times   | status |
      | error      | LLM_UNAVAILABLE      | 3 times | active |
      | hang       | LLM_TIMEOUT          | 3 times | active |
      | rate_limit | LLM_RATE_LIMITED     | 3 times | active |
      | babble     | LLM_INVALID_RESPONSE | 1 time  | active |
      | auth       | LLM_AUTH_FAILED      | 1 time  | paused |

  @AGENT-3
  Scenario: A model that is busy once is asked again
    Given a shop of its own
    And the model answers about "cust_busy" once with the mode "rate_limit"
    And the model answers about "cust_else" with a confidence of 0.93
    When customer "cust_busy" cancels 3 orders
    Then the decision about "cust_busy" has a confidence of 0.72 by "llm" and suggests "SuggestCustomerOutreach"
    And the model was asked 2 times about "cust_busy"

  @AGENT-3
  Scenario: A refused key pauses the agent until somebody has mended it
    Given a shop of its own
    And the model answers about "cust_key" with the mode "auth"
    When customer "cust_key" cancels 3 orders
    Then the agent is "paused"
    And the audit has "AgentPaused" about it
    When the model answers about "cust_key" with a confidence of 0.93
    And customer "cust_key" cancels 1 order without waiting
    Then the model was asked 1 time about "cust_key"
    When the agent is asked to "resume"
    Then the last cancellation is dealt with
    And the model was asked 2 times about "cust_key"

  @AGENT-4 @AGENT-24
  Scenario: Who approves in the millisecond of the deadline is in time or is not, and once
    Given a shop of its own whose clock stands still
    When 12 customers cancel 3 orders each
    And all 12 approvals are approved while the clock comes to their deadline
    Then each was approved and sent one command, or expired and sent none, as its answer said
