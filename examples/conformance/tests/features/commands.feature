Feature: Commands

  Everything is driven over HTTP against accounts; see the conformance worker's `domain/accounts`.

  Rule: A command runs once

    @CB-1
    Scenario: Fifty callers with one id, and a restart: one deposit, one answer
      Given a server of its own
      And an account "a"
      When 50 callers at once POST "/api/v1/commands/Deposit" with
        """
        {"command_id": "d-1", "payload": {"id": "a", "cents": 100}}
        """
      Then 50 of the answers are 200
      And 1 of the answers has "is_new" true
      And every answer has the same "result"
      And every answer has the same "first_position"
      When the server is killed and started again
      And "Deposit" is sent as "d-1" with {"id": "a", "cents": 100}
      Then the answer is 200
      And the answer's "is_new" is false
      And the answer's "result.version" is 2
      When "Withdraw" is sent with {"id": "a", "cents": 200}
      Then the answer is 422 "INSUFFICIENT_FUNDS"
      And the answer's "context.available" is 100

    @CB-1
    Scenario: The same id with another payload is a conflict
      Given an account "a"
      When "Deposit" is sent as "d-1" with {"id": "a", "cents": 100}
      And "Deposit" is sent as "d-1" with {"cents":100,   "id": "a"}
      Then the answer is 200
      And the answer's "is_new" is false
      When "Deposit" is sent as "d-1" with {"id": "a", "cents": 101}
      Then the answer is 409 "idempotency_conflict"
      When "Withdraw" is sent as "d-1" with {"id": "a", "cents": 100}
      Then the answer is 409 "idempotency_conflict"

    @CB-1
    Scenario: A record has its time, and its events are still stored once
      Given a server of its own with a manual clock
      And an account "a"
      When "Deposit" is sent as "d-1" with {"id": "a", "cents": 100}
      And 2592000001 ms pass
      And I GET "/api/v1/commands/d-1"
      And "Deposit" is sent as "d-1" with {"id": "a", "cents": 100}
      Then the answer is 200
      And the stream of account "a" has 2 events

  Rule: Status and effects are one

    @CB-2
    Scenario: Executed, with the events that it led to
      Given an account "a"
      When "Deposit" is sent as "d-1" with {"id": "a", "cents": 100}
      And I GET "/api/v1/commands/d-1"
      Then the answer's "status" is "executed"
      And the answer's "event_count" is 1
      And the answer has a "first_position"

    @CB-2 @DEC-2
    Scenario: Rejected, with a code and no event
      Given an account "a"
      When "Withdraw" is sent as "w-1" with {"id": "a", "cents": 1}
      Then the answer is 422 "INSUFFICIENT_FUNDS"
      And the answer's "context" is {"available": 0, "requested": 1}
      When I GET "/api/v1/commands/w-1"
      Then the answer's "status" is "rejected"
      And the answer's "code" is "INSUFFICIENT_FUNDS"
      And the answer's "event_count" is 0
      And the stream of account "a" has 1 event

    @CB-2 @DEC-2
    Scenario: Failed, with the event for the audit and what was there
      Given an account "a"
      When "AuditAccount" is sent as "x-1" with {"id": "a"}
      Then the answer is 422 "command_failed"
      And the answer's "context.cents" is 0
      When I GET "/api/v1/commands/x-1/events"
      Then the answer's "events" has 1 element
      And the answer's "events.0.type" is "AuditFailed"

    @CB-2 @DEC-2
    Scenario: A handler that panics is a failure that an event tells of
      When "Explode" is sent as "e-1" with {}
      Then the answer is 422 "command_failed"
      And the answer's "detail" contains "as asked"
      When I GET "/api/v1/commands/e-1/events"
      Then the answer's "events.0.type" is "$CommandFailed"
      And the answer's "events.0.data.command_id" is "e-1"

    @CB-2
    Scenario: Killed at any moment there is no event without its command, and none the other way
      Given a server of its own
      And an account "a"
      When 40 deposits are sent while the server is killed 4 times
      Then every deposit is executed once, and each has its event

    @CB-2
    Scenario: Lists by status
      Given an account "a"
      When "Withdraw" is sent as "w-1" with {"id": "a", "cents": 1}
      And "Deposit" is sent as "d-1" with {"id": "a", "cents": 1}
      And I GET "/api/v1/commands?status=rejected"
      Then the answer's "commands" has 1 element
      And the answer's "commands.0.command_id" is "w-1"
      When I GET "/api/v1/commands?page_size=2"
      Then the answer's "commands" has 2 elements
      And the answer's "commands.0.command_id" is "d-1"
      And I remember the answer's "next_page_token" as "token"
      When I GET "/api/v1/commands?page_size=2&page_token=$token"
      Then the answer's "commands" has 1 element
      And the answer's "commands.0.type" is "OpenAccount"

  Rule: One path for all

    @CB-3
    Scenario: HTTP, a workflow and a schedule take the same seven steps
      Given an account "a"
      When "Deposit" is sent as "over-http" with {"id": "a", "cents": 1}
      And I POST "/api/v1/workflows?wait_ms=30000" with
        """
        {"type": "deposit", "id": "by-workflow", "input": {"id": "a", "cents": 2}}
        """
      Then the answer's "status" is "completed"
      And the answer's "result.version" is 3
      When I POST "/api/v1/schedules" with
        """
        {"id": "s", "spec": {"cron": ["0 0 1 1 *"]}, "action": {"type": "send_command", "input": {"type": "Deposit", "payload": {"id": "a", "cents": 3}, "command_id": "by-schedule"}}}
        """
      Then the answer is 201
      When I POST "/api/v1/schedules/s/trigger"
      And the command "by-schedule" is executed
      Then its entry is "schedule"
      And its steps are record, middleware, handler, rejection, append, projections, status
      When I GET "/api/v1/commands/over-http"
      Then its entry is "http"
      And its steps are record, middleware, handler, rejection, append, projections, status
      When I GET "/api/v1/correlations/by-workflow"
      Then the answer's "commands.0.entry" is "workflow"
      And the answer's "commands.0.steps" is ["record", "middleware", "handler", "rejection", "append", "projections", "status"]
      And the stream of account "a" has 4 events

    @CB-3
    Scenario: What nothing handles is refused before any work
      When "Fly" is sent as "f-1" with {}
      Then the answer is 422 "UNKNOWN_COMMAND_TYPE"
      And the answer's "detail" contains "OpenAccount"
      When I GET "/api/v1/commands/f-1"
      Then the answer is 404 "command_not_found"

  Rule: Correlation

    @CB-4
    Scenario: One id links commands and events
      When I POST "/api/v1/commands/OpenAccount" with
        """
        {"command_id": "o-1", "correlation_id": "case-7", "user_id": "ada", "payload": {"id": "a", "owner": "ada"}}
        """
      And I POST "/api/v1/commands/Deposit" with
        """
        {"command_id": "d-1", "correlation_id": "case-7", "causation_id": "o-1", "payload": {"id": "a", "cents": 5}}
        """
      And I GET "/api/v1/correlations/case-7"
      Then the answer's "commands" has 2 elements
      And the answer's "events" has 2 elements
      And the answer's "commands.0.user_id" is "ada"
      And the answer's "commands.1.causation_id" is "o-1"
      And the answer's "events.1.causation_id" is "d-1"
      When I GET "/api/v1/commands/d-1/events"
      Then the answer's "events.0.correlation_id" is "case-7"

    @CB-4
    Scenario: Without one the command begins its own
      When I POST "/api/v1/commands/OpenAccount" with
        """
        {"payload": {"id": "a", "owner": "ada"}}
        """
      Then the answer is 200
      And I remember the answer's "command_id" as "id"
      And the answer's "correlation_id" is "$id"

  Rule: Middleware

    @CB-5
    Scenario: Validation comes before authorization, and authorization before the rate limit
      Given a server of its own with tokens
      When the app sends "Knock" as "k-1" with {"id": ""}
      Then the answer is 422 "VALIDATION_FAILED"
      When the app sends "Knock" as "k-2" with {"id": "door"}
      Then the answer is 403 "UNAUTHORIZED"
      When the operator sends "Knock" as "k-3" with {"id": "door"}
      And the operator sends "Knock" as "k-4" with {"id": "door"}
      Then the answer is 200
      When the operator sends "Knock" as "k-5" with {"id": "door"}
      Then the answer is 429 "RATE_LIMITED"
      And the answer has a "context.retry_after_ms"
      When the operator sends "Knock" as "k-6" with {"id": ""}
      Then the answer is 422 "VALIDATION_FAILED"

    @CB-5
    Scenario: What was turned away is recorded and has no event
      Given a server of its own with tokens
      When the app sends "AdminNote" as "n-1" with {"id": "x"}
      Then the answer is 403 "UNAUTHORIZED"
      When the operator looks at "/api/v1/commands/n-1"
      Then the answer's "status" is "rejected"
      And the answer's "refused_by" is "authorization"
      And the answer's "event_count" is 0
