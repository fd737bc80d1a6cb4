Feature: Bounded contexts

  Two contexts: `inventory` keeps stock, and `orders` reserves some of it.

  @BC-1
  Scenario: A table named by text is another context's
    When a handler of "orders" reads the table "inventory/stock"
    Then it is refused with "CONTEXT_ISOLATED"

  @BC-1
  Scenario: A transaction without a context does not reach a context's rows
    Given 5 pieces of "lamp" in stock
    When a transaction without a context looks for "lamp" under the same names
    Then it finds nothing

  @BC-1
  Scenario: A type that takes a context's name is not let in
    When another type enters as "inventory"
    Then it is refused with "CONTEXT_ISOLATED"

  @BC-2
  Scenario: A call that fails is undone alone
    Given 5 pieces of "lamp" in stock
    When a transaction writes "A", reserves 6 pieces of "lamp" in vain, and writes "C"
    Then "A" and "C" are written
    And 5 pieces of "lamp" are in stock
    And no event tells of a reservation

  @BC-2
  Scenario: A part within a part is undone with it
    When a transaction nests a part that ends well in one that fails
    Then nothing of either is left

  @BC-3
  Scenario: A command needs somebody who sends it
    When nobody reserves 1 piece of "lamp"
    Then it is refused with "USER_ID_REQUIRED"

  @BC-3
  Scenario: A handler is told who asks
    Given 5 pieces of "lamp" in stock
    When "ada" of "shop" reserves 2 pieces of "lamp"
    Then the reservation was made by "ada" of "shop"

  @BC-5
  Scenario: A command that the contract does not have
    When "ada" of "shop" sends "DestroyStock" to "inventory"
    Then it is refused with "UNKNOWN_COMMAND_TYPE"

  @BC-5
  Scenario Outline: A handler that breaks its contract fails, and nothing of it stands
    When a handler of "orders" <does>
    Then it is refused with "<code>"
    And nothing of the handler stands

    Examples:
      | does                               | code                  |
      | emits an undeclared event          | UNDECLARED_EVENT_TYPE |
      | writes an undeclared table         | UNDECLARED_CMS_TYPE   |
      | returns an undeclared error        | UNDECLARED_ERROR_CODE |
      | appends to a stream of "inventory" | FOREIGN_STREAM        |

  @D-3
  Scenario: What an earlier build left in another shape is taken along once
    Given a build that keeps 450 visits by number
    When a later build keeps them by city and number, and takes along what there is
    And its process dies after 200 of them
    And it is started again
    Then every visit is kept by city and number, and the old table is empty
    And a visit that was written meanwhile is as it was written
    When one more visit is left in the old shape, and the build is started again
    Then that visit stays where it is, because the migration is over

  @INT-1
  Scenario: A call that the map does not have is refused
    When a handler of "inventory" calls "orders"
    Then it is refused with "UNDECLARED_RELATIONSHIP"

  @INT-1
  Scenario: A call that the map has goes through
    Given 5 pieces of "lamp" in stock
    When a handler of "orders" calls "inventory" for 2 pieces of "lamp"
    Then 3 pieces of "lamp" are in stock

  @INT-1
  Scenario: A worker whose map draws a relationship twice, or with itself, is not opened
    When a worker relates "orders" with "inventory" once more
    Then it is refused with "DUPLICATE_RELATIONSHIP"
    When a worker relates "orders" with "orders" once more
    Then it is refused with "SELF_REFERENCE"
