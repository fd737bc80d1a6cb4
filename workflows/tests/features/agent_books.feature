Feature: Agents as a bounded context, and what ends the handling of an event

  @AGENT-6 @AGENT-8 @AGENT-10
  Scenario: Nobody but the agents' context reaches its tables
    Given an agent that concludes by rules
    When each of its tables is looked for by another context
    Then each is refused as "CONTEXT_ISOLATED"
    And a transaction without a context finds nothing under the same names
    And the same is read through the functions of the agents' context

  @AGENT-9
  Scenario: Component API provides full CRUD for checkpoints
    Given an agent that concludes by rules
    Then loading its checkpoint begins one at -1
    And after an update to 7 loading reads 7

  @AGENT-11
  Scenario: Component sub-transactions provide isolation
    Given an agent that concludes by rules
    When a transaction writes "A", a part of the agents' context fails, and it writes "C"
    Then "A" and "C" stand, and nothing of the agents' part

  @AGENT-15
  Scenario: App-level queries can access agent data via component API
    Given an agent that concludes by rules
    And another agent
    When both have written records of their audit
    Then a query for one gives the records of that one only

  @AGENT-15
  Scenario: What several agents wrote is read page by page
    Given an agent that concludes by rules
    And another agent
    When each has 30 records of its audit and 30 commands
    Then pages of 7 hold each of 60 records and commands once, newest first, while more are written

  @AGENT-29 @AGENT-32 @AGENT-33
  Scenario: A decision is persisted with audit, command and checkpoint in one transaction
    Given an agent that asks a model which answers with a confidence of 0.9
    When an event comes
    Then its decision has the model's confidence and reasoning
    And its run's history has the question's result and then one completing transaction
    And audit, command and checkpoint moved together

  @AGENT-33
  Scenario: A journaled answer is never asked for again
    Given an agent that asks a model which answers with a confidence of 0.9
    And completing fails until the process is another one
    When an event comes
    And the process is killed after the answer and started again
    Then the decision is made, and the model was asked once

  @AGENT-35
  Scenario: A model that cannot be reached is no failure where rules are allowed to conclude
    Given an agent with a fallback that asks a model which is down
    When an event comes
    Then its decision was made by "rule-based-fallback"

  @AGENT-36 @AGENT-42
  Scenario: A failure is a dead letter, and the checkpoint stays before the event
    Given an agent without a fallback that asks a model which is down
    When an event comes
    Then there is a pending dead letter because of "LLM_UNAVAILABLE"
    And the audit has "AgentAnalysisFailed"
    And the checkpoint is not past the event

  @AGENT-31 @AGENT-41
  Scenario: A handler of one's own sees the completion
    Given an agent with a completion handler of its own
    When an event comes
    Then the handler saw "success" and wrote to the audit and the checkpoint

  @AGENT-31 @AGENT-43
  Scenario: Without a handler of its own the global default fires
    Given an agent without a fallback that asks a model which is down
    And a global default for completions
    When an event comes
    Then the global default saw "failed"
    And there is a pending dead letter because of "LLM_UNAVAILABLE"
