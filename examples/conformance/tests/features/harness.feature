Feature: What the scenarios stand on

  Scenario: A scenario's namespace holds nothing of any other
    When I POST "/api/v1/workflows" with
      """
      {"type": "echo", "id": "mine", "input": {"text": "hello"}}
      """
    Then the answer is 201
    When I GET "/api/v1/workflows"
    Then the answer is 200
    And the answer's "workflows" has 1 element
    And the answer's "workflows.0.workflow_id" is "mine"

  Scenario: Callers at once are answered each for itself
    When 8 callers at once POST "/api/v1/workflows" with
      """
      {"type": "echo", "id": "one-of-eight", "input": $n}
      """
    Then 1 of the answers is 201
    And 7 of the answers are 409

  Scenario: What was answered outlives the process
    Given a server of its own
    When I POST "/api/v1/workflows" with
      """
      {"type": "echo", "id": "kept", "input": 7}
      """
    And I remember the answer's "run_id" as "run"
    And the server is killed and started again
    And I GET "/api/v1/workflows/kept/result?wait_ms=30000"
    Then the answer's "result" is 7
    When I GET "/api/v1/workflows/kept"
    Then the answer's "run_id" is "$run"
