Feature: What an agent looks for and when it may act: pure rules

  @AGENT-1
  Scenario Outline: A configuration that cannot work is refused with its code
    When an agent is put together with <mistake>
    Then it is refused as "<code>"

    Examples:
      | mistake                | code                         |
      | no id                  | AGENT_ID_REQUIRED            |
      | no subscriptions       | NO_SUBSCRIPTIONS             |
      | a window of "0d"       | INVALID_PATTERN_WINDOW       |
      | a threshold of 1.5     | INVALID_CONFIDENCE_THRESHOLD |
      | contradicting approval | CONFLICTING_APPROVAL_RULES   |

  @AGENT-2
  Scenario Outline: A pattern that can find nothing is refused with its code
    When an agent is put together with <mistake>
    Then it is refused as "<code>"

    Examples:
      | mistake                | code                    |
      | no trigger             | TRIGGER_REQUIRED        |
      | a pattern without name | PATTERN_NAME_REQUIRED   |
      | no minimum of events   | INVALID_MIN_EVENTS      |
      | a window of "30 days"  | INVALID_DURATION_FORMAT |
      | an unknown pattern     | PATTERN_NOT_FOUND       |

  @AGENT-2
  Scenario: What is older than the window does not count
    Given events from 31, 30, 5 and 1 days ago
    Then 3 of them lie in a window of "30d"
    And they are enough for 3 events and too few for 4

  @AGENT-2
  Scenario: A long history is loaded in batches, and only as much of it as counts
    Given 1000 events, one an hour
    When a window of "30d" with at most 100 events is loaded in batches of 50
    Then the newest 100 are kept and 2 batches were asked for
    When a window of "1d" with at most 100 events is loaded in batches of 10
    Then the newest 25 are kept and 3 batches were asked for

  @AGENT-4
  Scenario Outline: Confidence decides who acts
    Given a threshold of 0.8, "Dangerous" always to be approved and "Harmless" never
    Then "<command>" with a confidence of <confidence> is <decision>

    Examples:
      | command   | confidence | decision         |
      | Plain     | 0.95       | executed         |
      | Plain     | 0.8        | executed         |
      | Plain     | 0.75       | put up for review |
      | Plain     | 0.50       | put up for review |
      | Dangerous | 0.99       | put up for review |
      | Harmless  | 0.10       | executed         |

  @AGENT-3
  Scenario Outline: A command that could not be explained does not leave an agent
    When a command is emitted with <fault>
    Then it is refused as "<code>"

    Examples:
      | fault              | code                 |
      | no reason          | REASON_REQUIRED      |
      | no confidence      | CONFIDENCE_REQUIRED  |
      | no events          | EVENTS_REQUIRED      |
      | a name with spaces | INVALID_COMMAND_TYPE |

  @AGENT-34
  Scenario: Action handler rejects invalid agent configuration
    When an agent is put together with neither a model nor a fallback
    Then it is refused as "AGENT_RUNTIME_REQUIRED"
    And the worker does not open, and says that an LLM runtime or a fallback must be configured

  @AGENT-30
  Scenario Outline: Within any minute no more questions are asked than the limit allows
    When a limit of 60 a minute is asked <asked> times at once
    Then <granted> are granted

    Examples:
      | asked | granted |
      | 30    | 30      |
      | 59    | 59      |
      | 60    | 60      |
      | 61    | 60      |

  @AGENT-39
  Scenario: Two calls at once cannot both have the rest of a day's budget
    Given a daily budget of 10.00 of which 9.50 is spent
    Then a call that may cost 0.40 is let through, and another beside it is not
    And when the first turns out to cost 0.10 a call of 0.40 is let through
