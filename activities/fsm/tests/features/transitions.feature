Feature: Finite state machines

  A machine for parcels: packed, then sent, then delivered or returned; a returned one may be
  packed again.

  @DEC-3
  Scenario Outline: What the table allows is allowed
    Given a parcel that is <from>
    When it becomes <to>
    Then that is allowed

    Examples:
      | from     | to        |
      | packed   | sent      |
      | sent     | delivered |
      | sent     | returned  |
      | returned | packed    |

  @DEC-3
  Scenario Outline: A refusal names from, to and what is allowed
    Given a parcel that is <from>
    When it becomes <to>
    Then that is refused, and "<allowed>" would be allowed

    Examples:
      | from      | to        | allowed             |
      | packed    | delivered | sent                |
      | packed    | packed    | sent                |
      | sent      | packed    | delivered, returned |
      | returned  | sent      | packed              |

  @DEC-3
  Scenario Outline: A terminal state allows nothing
    Given a parcel that is delivered
    When it becomes <to>
    Then that is refused, because "delivered" is terminal

    Examples:
      | to       |
      | packed   |
      | sent     |
      | returned |

  Scenario: A table that contradicts itself is found
    Given a machine with two rows for one state
    Then its check says "two rows for `packed`"

  Scenario: A state that no way leads to is found
    Given a machine without a way to a state
    Then its check says "no way to `returned`"
