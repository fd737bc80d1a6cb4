Feature: Projections

  Rule: A projection has one of four categories

    @PROJ-1
    Scenario Outline: A declared category says how the projection is asked
      When I POST "/api/v1/projections/check" with
        """
        {"name": "orders", "category": "<category>"<more>}
        """
      Then the answer is 200
      And the answer's "query_pattern" is "<pattern>"

      Examples:
        | category    | pattern  | more                      |
        | logic       | internal |                           |
        | view        | client   |                           |
        | reporting   | admin    |                           |
        | integration | events   | , "contract": "orders v1" |

    @PROJ-1
    Scenario: Another category is refused
      When I POST "/api/v1/projections/check" with
        """
        {"name": "orders", "category": "dashboard"}
        """
      Then the answer is 422 "INVALID_CATEGORY"

    @PROJ-3
    Scenario: A declaration without a category is told which ones there are
      When I POST "/api/v1/projections/check" with
        """
        {"name": "orders"}
        """
      Then the answer is 422 "CATEGORY_REQUIRED"
      And the answer's "detail" contains "logic, view, reporting or integration"

  Rule: Its category says how a projection is kept

    @PROJ-2
    Scenario: A logic projection is never behind
      When I POST "/api/v1/workflows?wait_ms=30000" with
        """
        {"type": "ledger", "id": "l", "input": {"account": "ann", "amounts": [40, 2, -12]}}
        """
      Then the answer is 201
      # Each posting read the projection within its own transaction.
      And the answer's "result.balance" is 30
      When I GET "/api/v1/projections/accountBalances"
      Then the answer's "delivery" is "inline"
      And the answer's "lag" is 0

    @PROJ-2
    Scenario: What a logic projection forbids leaves no event
      When I POST "/api/v1/workflows?wait_ms=30000" with
        """
        {"type": "ledger", "id": "l", "input": {"account": "ann", "amounts": [5, -6]}}
        """
      Then the answer's "status" is "failed"
      And the answer's "failure.type" is "overdrawn"
      When I GET "/api/v1/projections/accountSummaries/rows/ann"
      Then the answer's "state" is {"entries": 1, "balance": 5}

    @PROJ-2
    Scenario Outline: What a category does not allow is not registered
      When I POST "/api/v1/projections/check" with
        """
        {"name": "orders", "category": "<category>", "delivery": "<delivery>"}
        """
      Then the answer is 422 "invalid_projection"
      And the answer's "detail" contains "<reason>"

      Examples:
        | category    | delivery | reason         |
        | logic       | async    | always current |
        | reporting   | inline   | is not kept in |
        | integration | async    | a contract     |

  Rule: Its category says who may read a projection

    @PROJ-4
    Scenario: Views are read by clients, logic and integration projections by nobody outside
      When I POST "/api/v1/workflows?wait_ms=30000" with
        """
        {"type": "ledger", "id": "l", "input": {"account": "ann", "amounts": [7]}}
        """
      And I GET "/api/v1/projections/accountSummaries/rows/ann"
      Then the answer is 200
      And the answer's "state.balance" is 7
      When I GET "/api/v1/projections/accountSummaries/rows"
      Then the answer's "rows" has 1 element
      When I GET "/api/v1/projections/accountBalances/rows/ann"
      Then the answer is 403 "INTERNAL_ONLY"
      When I GET "/api/v1/projections/accountBalances/rows"
      Then the answer is 403 "INTERNAL_ONLY"
      When I GET "/api/v1/projections/accountStatusForTax/rows/ann"
      Then the answer is 403 "INTERNAL_ONLY"

    @PROJ-4
    Scenario: Reporting projections are read by admins alone
      Given a server of its own with tokens
      When I POST as app "/api/v1/workflows?wait_ms=30000" with
        """
        {"type": "ledger", "id": "l", "input": {"account": "ann", "amounts": [7]}}
        """
      Then the answer is 201
      When I GET as app "/api/v1/projections/entryCount/rows"
      Then the answer is 403 "ADMIN_ONLY"
      When I GET as app "/api/v1/projections/entryCount/rows/all"
      Then the answer is 403 "ADMIN_ONLY"
      When I GET as admin "/api/v1/projections/entryCount/rows/all"
      Then the answer is 200
      And the answer's "state" is 1
      When I GET as app "/api/v1/projections/accountSummaries/rows/ann"
      Then the answer is 200

  Rule: View projections alone are followed

    @PROJ-5 @RX-4
    Scenario Outline: Following what is no view is refused, with a hint
      When I GET "/api/v1/projections/<name>/events"
      Then the answer is 422 "SUBSCRIPTIONS_NOT_SUPPORTED"
      And the answer's "detail" contains "register a view"
      When I GET "/api/v1/projections/<name>"
      Then the answer's "reactive" is false

      Examples:
        | name                |
        | accountBalances     |
        | entryCount          |
        | accountStatusForTax |

    @RX-4
    Scenario: A view says that it can be followed
      When I GET "/api/v1/projections/accountSummaries"
      Then the answer's "reactive" is true

  Rule: A view is a durable row and the events after it

    @RX-1
    Scenario: A view is read and followed at the newest event while its projection waits
      When I POST "/api/v1/projections/accountSummaries/pause" with
        """
        {"reason": "a backlog"}
        """
      Then the answer is 202
      When I follow "/api/v1/projections/accountSummaries/events"
      And I POST "/api/v1/workflows?wait_ms=30000" with
        """
        {"type": "ledger", "id": "l", "input": {"account": "ann", "amounts": [1, 2, 3]}}
        """
      Then a frame "row" comes whose "state" is {"entries": 3, "balance": 6}
      When I GET "/api/v1/projections/accountSummaries/rows/ann"
      Then the answer's "state" is {"entries": 3, "balance": 6}
      And the answer's "is_optimistic" is true
      And the answer's "pending_events" is 3
      And the answer's "durable_position" is 0
      When I POST "/api/v1/projections/accountSummaries/resume"
      Then a frame "durable" comes whose "durable_position" is 3
      When I GET "/api/v1/projections/accountSummaries/rows/ann"
      Then the answer's "is_optimistic" is false
      And the answer's "state" is {"entries": 3, "balance": 6}

    @RX-1
    Scenario: What was shown outlives the process
      Given a server of its own
      When I POST "/api/v1/workflows?wait_ms=30000" with
        """
        {"type": "ledger", "id": "l", "input": {"account": "ann", "amounts": [1, 2, 3]}}
        """
      And the server is killed and started again
      And I GET "/api/v1/projections/accountSummaries/rows/ann"
      Then the answer's "state" is {"entries": 3, "balance": 6}

  Rule: A projection's rows and its checkpoint are one commit

    @ES-5
    Scenario: Every event counts once, wherever the process dies
      Given a server of its own
      When 200 ledgers post 12 entries each while the server is killed 200 times
      Then every projection has counted every entry once

    @ES-5
    Scenario: Who knows a position reads what came after it
      When I POST "/api/v1/streams/Tap%3A1/events" with
        """
        {"expected_version": 0, "events": [{"type": "Opened"}, {"type": "Turned"}, {"type": "Turned"}, {"type": "Closed"}]}
        """
      And I GET "/api/v1/events?after=2"
      Then the answer's "events" has 2 elements
      And the answer's "events.0.position" is 3
      And the answer's "events.1.position" is 4
