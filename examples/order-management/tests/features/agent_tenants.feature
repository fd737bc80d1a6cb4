Feature: Agents' books are reached by their API alone, tenant by tenant

  @AGENT-8 @AGENT-10 @AGENT-15
  Scenario: A tenant reads and decides in its own books, and in nobody else's
    Given a shop of the tenants "north" and "south"
    And customer "cust_n" of "north" has cancelled 3 orders
    Then "north" is answered for each list of its agents
    And "south" is refused each list of the agents of "north"
    And "south" finds nothing in its own lists
    When "south" approves what waits in "north"
    Then it is forbidden
    When an application of "north" approves what waits in "north"
    Then it is forbidden
    And what waits in "north" is still pending

  @AGENT-6 @AGENT-8 @AGENT-10 @AGENT-14
  Scenario: No other door leads to the agents' tables
    Given a shop of its own
    When customer "cust_d" cancels 3 orders
    Then none of the agents' tables is read as a projection
    And none of the functions of the agents' context is taken as a command

  @AGENT-8 @AGENT-9 @AGENT-10 @AGENT-14 @AGENT-15 @D-1
  Scenario: Each function of the agents' context is answered there, and nowhere else
    Given a shop of the tenants "north" and "south"
    And customer "cust_n" of "north" has cancelled 3 orders
    Then an operator of "north" is answered by each function of the agents' context
    And each is refused with "CONTEXT_ISOLATED" where it is asked of "orders"
    And each is refused with "UNAUTHORIZED" to an application of "north", and to "south"
    And a function of another context is not found in the agents'
    And what a function refuses leaves nothing in the agents' tables
