Feature: Agents in the browser

  Rule: Dead letters are visible and actionable

    @serial @UI-1 @UI-4
    Scenario: Dead letter list displays failed events
      Given 3 orders were begun, and the agent gave their events up
      When somebody looks at the dead letters
      Then 3 entries are listed with a button to replay and one to ignore each
      And the columns are "Agent, Event Type, Error, Status, Timestamp, Actions"

    @serial @UI-3 @UI-5
    Scenario: Replay action triggers backend mutation with feedback
      Given 1 order was begun, and the agent gave its event up
      When somebody looks at the dead letters
      And presses "Replay"
      Then a toast says "Dead letter replayed successfully"
      And the entry is "replayed", here and over HTTP

    @serial @UI-3 @UI-6
    Scenario: Ignore action with reason provides confirmation
      Given 1 order was begun, and the agent gave its event up
      When somebody looks at the dead letters
      And presses "Ignore", and confirms it with "Duplicate event, already processed"
      Then a toast says "Dead letter ignored"
      And the entry is "ignored", here and over HTTP
      And the reason "Duplicate event, already processed" is kept

    @serial @UI-7
    Scenario: Replay failure shows error toast
      Given the agent gave an event up that does not exist any more
      When somebody looks at the dead letters
      And presses "Replay"
      Then an alert says "does not exist any more"
      And the entry is "pending", here and over HTTP

  Rule: Decision history supports filtering

    @serial @UI-2 @UI-8 @UI-9 @UI-10
    Scenario: Filter by agent and action, and clear filters
      Given customers "cust_f1" and "cust_f2" of whom the agent is sure and not sure
      When somebody looks at the decisions
      Then 2 decisions are listed, of the last 7 days
      When the agent "churn-risk" is chosen
      Then the address has "agent=churn-risk" and 2 decisions are listed
      When the agent "low-stock" is chosen
      Then the address has "agent=low-stock" and 0 decisions are listed
      When somebody goes back
      Then the address has "agent=churn-risk" and 2 decisions are listed
      When the action "executed" is chosen
      Then the address has "action=executed" and 1 decisions are listed
      When the filters are cleared
      Then the address has no filter and 2 decisions are listed

    @serial @UI-11
    Scenario: Loading decision history from shared URL
      Given customers "cust_s1" and "cust_s2" of whom the agent is sure and not sure
      When somebody opens the decisions with "?agent=churn-risk&action=pending&from=2020-01-01"
      Then the filters say "churn-risk", "pending" and "2020-01-01"
      And 1 decisions are listed

  Rule: Actions provide feedback via toast

    @serial @UI-3 @UI-12
    Scenario: Approve action shows success toast
      Given 1 customer waits for an approval
      When somebody looks at the approvals
      And presses "Approve"
      Then a toast says "Approval recorded for churn-risk"
      And the list of approvals is empty
      And the toast is gone after 5 seconds

    @serial @UI-13
    Scenario: Reject action shows success toast
      Given 1 customer waits for an approval
      When somebody looks at the approvals
      And presses "Reject", and confirms it with "not this one"
      Then a toast says "Action rejected"
      And the list of approvals is empty

    @serial @UI-14
    Scenario: Error action shows descriptive error toast
      Given a shop of its own whose clock stands still
      And 1 customer waits for an approval
      When somebody looks at the approval, and the page is not kept up to date
      And 25 hours pass in the shop
      And presses "Approve"
      Then an alert says "Approval has expired"
      And the approval is shown as "expired"

    @serial @UI-15
    Scenario: Multiple rapid actions show stacked toasts
      Given 3 customers wait for an approval
      When somebody looks at the approvals
      And approves all of them as fast as they can
      Then 3 toasts are stacked, each with a button to dismiss it
      When the first is dismissed
      Then 2 toasts are stacked, each with a button to dismiss it
      And the others go by themselves, the older one first
