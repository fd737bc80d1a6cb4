Feature: Agents look after the shop's customers

  Rule: A cheap trigger comes first, and a model is asked only if it fires

    @AGENT-16 @AGENT-20
    Scenario: Two cancellations do not trigger LLM
      When customer "cust_456" cancels 2 orders
      Then the model was asked 0 times about "cust_456"
      And the agent's checkpoint is past all of them
      And there is no command and no approval about "cust_456"

    @AGENT-7 @AGENT-12 @AGENT-16 @AGENT-19
    Scenario: Three cancellations trigger LLM analysis
      Given the model answers about "cust_123" with a confidence of 0.91
      When customer "cust_123" cancels 3 orders
      Then the model was asked 1 time about "cust_123"
      And the decision about "cust_123" has a confidence of 0.91 by "llm" and suggests "SuggestCustomerOutreach"
      And the last workflow about it was handed a history of 2 events

    @AGENT-13 @AGENT-14
    Scenario: Missing projection data returns empty result
      When customer "cust_new" cancels 1 order
      Then the last workflow about it was handed a history of 0 events
      And it did nothing but complete

    @AGENT-21
    Scenario: LLM unavailable falls back to rule-based confidence
      Given the model answers about "cust_789" with the mode "error"
      When customer "cust_789" cancels 5 orders
      Then the decision about "cust_789" has a confidence of 0.8 by "rule-based-fallback" and suggests nothing

  Rule: Somebody decides what the agent is not sure of

    @AGENT-22
    Scenario: LLM analysis with low confidence queues for approval
      Given the model answers about "cust_low" with a confidence of 0.65
      When customer "cust_low" cancels 3 orders
      Then there is a "pending" approval about "cust_low" with the model's reasoning
      And no command was sent about "cust_low"
      And the audit has "AgentDecisionPending" about it

    @AGENT-17 @AGENT-25
    Scenario: Approved before timeout succeeds normally
      Given a shop of its own whose clock stands still
      When customer "cust_ok" cancels 3 orders
      And 12 hours pass in the shop
      And the approval about "cust_ok" is approved
      Then there is a "approved" approval about "cust_ok" with the model's reasoning
      And the agent's command about it is "completed"
      And there is an outreach to "cust_ok"

    @AGENT-17 @AGENT-23 @AGENT-24
    Scenario: Expired approval cannot be approved or rejected
      Given a shop of its own whose clock stands still
      When customer "cust_late" cancels 3 orders
      And 25 hours pass in the shop
      Then there is a "expired" approval about "cust_late" with the model's reasoning
      And the audit has "AgentApprovalExpired" about it
      When the approval about "cust_late" is approved in vain
      Then it is refused with "APPROVAL_EXPIRED"
      When the approval about "cust_late" is rejected in vain
      Then it is refused with "APPROVAL_EXPIRED"
      And there is a "expired" approval about "cust_late" with the model's reasoning

    @ORD-11
    Scenario: Three cancellations trigger churn risk agent
      Given a shop of its own
      And on the shelf
        | abacus | 10 |
      And customer "cust-churn-01" called "Ada King" at "ada@example.com"
      And customer "cust-churn-01" has 3 confirmed orders over "abacus"
      When customer "cust-churn-01" cancels them all
      Then there is a "pending" approval about "cust-churn-01" with the model's reasoning

  Rule: What an agent sends is a command like any other

    @AGENT-5 @AGENT-18 @AGENT-26 @AGENT-27 @ORD-3
    Scenario: Full end-to-end flow from cancellation to outreach
      Given the model answers about "cust_sure" with a confidence of 0.93
      When customer "cust_sure" cancels 3 orders
      Then the agent's command about "cust_sure" is "completed"
      And there is an outreach to "cust_sure"
      And the command that made it was sent by an agent through the orchestrator
      And its decision was audited with all that led to it

    @AGENT-28
    Scenario: Command failure records error and creates dead letter
      Given the model answers about "cust_shy" with a confidence of 0.93
      And customer "cust_shy" wants to be left alone
      When customer "cust_shy" cancels 3 orders
      Then the agent's command about "cust_shy" is "failed"
      And the audit has "AgentCommandFailed" about it
      And it has a "pending" dead letter because of "OUTREACH_REFUSED"
      When its dead letter is replayed in vain
      Then it has a "pending" dead letter because of "OUTREACH_REFUSED"
      When customer "cust_shy" wants to be talked to
      And its dead letter is replayed
      Then the agent's command about "cust_shy" is "completed"
      And it has a "replayed" dead letter because of "OUTREACH_REFUSED"

  Rule: A model is asked within limits

    @AGENT-30 @AGENT-37
    Scenario: Rate limiter allows LLM call within limits
      Given a shop of its own whose clock stands still
      And the agent may ask 2 times a minute and 1 event may wait
      When customer "cust_r1" cancels 3 orders
      Then the model was asked 1 time about "cust_r1"

    @AGENT-30 @AGENT-38
    Scenario: Rate limiter blocks LLM call when exceeded
      Given a shop of its own whose clock stands still
      And the agent may ask 1 time a minute and 5 events may wait
      When customer "cust_r1" cancels 3 orders
      Then the model was asked 1 time about "cust_r1"
      When customer "cust_r2" cancels 3 orders without waiting
      Then the audit has "AgentRateLimited" about an event that waits
      And the model was asked 0 times about "cust_r2"
      When the shop is killed and started again
      And 59 seconds pass in the shop
      Then the model was asked 0 times about "cust_r2"
      When 2 seconds pass in the shop
      Then there is a "pending" approval about "cust_r2" with the model's reasoning
      And the model was asked 1 time about "cust_r2"

    @AGENT-40
    Scenario: Queue overflow triggers dead letter
      Given a shop of its own whose clock stands still
      And the agent may ask 1 time a minute and 1 event may wait
      When customer "cust_q1" cancels 3 orders
      Then the model was asked 1 time about "cust_q1"
      When customer "cust_q2" cancels 3 orders without waiting
      Then the audit has "AgentRateLimited" about an event that waits
      When customer "cust_q3" cancels 3 orders without waiting
      Then it has a "pending" dead letter because of "queue_overflow"
      And the audit has "AgentQueueOverflow" about an event that waits
      And the audit has "AgentAnalysisFailed" about an event that waits

    @AGENT-39
    Scenario: Cost budget exceeded pauses agent
      Given the model answers about "cust_dear" with a cost of 9.50
      And a daily budget of 10.00 and questions that may cost 0.60
      When customer "cust_dear" cancels 3 orders
      Then the model was asked 1 time about "cust_dear"
      When customer "cust_broke" cancels 3 orders
      Then the decision about "cust_broke" has a confidence of 0.6 by "rule-based-fallback" and suggests nothing
      And the model was asked 0 times about "cust_broke"
      And the agent is "paused"
      And the audit has "AgentBudgetExceeded" about it

  Rule: An agent is steered, and takes up its events where it was

    @AGENT-1
    Scenario: What happens while an agent is paused waits for it, over a kill
      Given a shop of its own
      When customer "cust_wait" cancels 2 orders
      And the agent is asked to "pause"
      And customer "cust_wait" cancels 1 order without waiting
      And the shop is killed and started again
      And the agent is asked to "start" in vain
      Then it is refused with "INVALID_LIFECYCLE_TRANSITION"
      And the model was asked 0 times about "cust_wait"
      When the agent is asked to "resume"
      Then there is a "pending" approval about "cust_wait" with the model's reasoning
      And the agent has dealt with each of its 3 events once
