Feature: Crates

  @PKG-1 @DEC-1 @BDD-2
  Scenario Outline: State machines and deciders depend on nothing
    When I look at what crate "<crate>" depends on
    Then it depends on "<on>" and nothing else

    Examples:
      | crate           | on           |
      | everstep-fsm    |              |
      | everstep-decider | everstep-fsm |

  @PKG-2
  Scenario: Who uses the decider alone compiles no storage
    When a program outside the workspace depends on "activities/decider" alone
    Then it compiles
    And none of "redb, tokio, hyper, everstep-storage, everstep-engine" was needed

  @PKG-3
  Scenario Outline: The small crates ship their features and what runs them
    When I list the package of crate "<crate>"
    Then it has "Cargo.toml"
    And it has "<runs>"
    And it has "tests/features/<feature>.feature"

    Examples:
      | crate            | runs                  | feature     |
      | everstep-fsm     | tests/gherkin.rs      | transitions |
      | everstep-decider | tests/gherkin/main.rs | deciders    |

  @PKG-5
  Scenario Outline: Names that begin with a reserved letter are refused
    When I POST "/api/v1/streams/Order%3Ao-1/events" with
      """
      {"expected_version": 0, "events": [{"type": "<type>", "data": {}, "tags": ["<tag>"]}]}
      """
    Then the answer is 422 "invalid_request"
    And the answer's "detail" contains "reserved"
    When I GET "/api/v1/events"
    Then the answer's "events" has 0 elements

    Examples:
      | type    | tag     |
      | $Opened | a       |
      | _Opened | a       |
      | Opened  | $a      |
      | Opened  | _a      |
