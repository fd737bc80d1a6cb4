Feature: A submission says who ordered, as of then

  @EX-3 @ECST-2
  Scenario: A submission carries the customer and its schema's version
    Given customer "ada" called "Ada King" at "ada@example.com"
    And on the shelf
      | abacus | 10 |
    And a draft order "o-1" of "ada" over 2 of "abacus"
    When order "o-1" is submitted
    Then "o-1" was submitted in version 2 by "Ada King" at "ada@example.com"
    And the e-mail in "o-1" is sealed in the log

  @EX-3
  Scenario: A new name changes no submission of before
    Given customer "ada" called "Ada King" at "ada@example.com"
    And on the shelf
      | abacus | 10 |
    And a draft order "o-1" of "ada" over 1 of "abacus"
    And a draft order "o-2" of "ada" over 1 of "abacus"
    When order "o-1" is submitted
    And I remember what was submitted as "o-1"
    And customer "ada" is renamed "Ada Lovelace"
    And order "o-2" is submitted
    Then what was submitted as "o-1" is unchanged
    And "o-1" was submitted in version 2 by "Ada King" at "ada@example.com"
    And "o-2" was submitted in version 2 by "Ada Lovelace" at "ada@example.com"

  @EX-3 @ECST-3
  Scenario: Once shredded, the address is in no event, no record and no file
    Given a shop of its own
    And customer "ada" called "Ada King" at "ada-qqxyzzy@example.com"
    And customer "alan" called "Alan Turing" at "alan-qqxyzzy@example.com"
    And on the shelf
      | abacus | 10 |
    And a draft order "o-1" of "ada" over 1 of "abacus"
    And a draft order "o-2" of "alan" over 1 of "abacus"
    And a draft order "o-3" of "ada" over 1 of "abacus"
    When order "o-1" is submitted
    And order "o-2" is submitted
    Then the record of the command "RegisterCustomer" has no "qqxyzzy"
    And no file contains "ada-qqxyzzy"
    When customer "ada" is shredded
    Then the e-mail in "o-1" is shredded
    And "o-2" was submitted in version 2 by "Alan Turing" at "alan-qqxyzzy@example.com"
    When the shop is killed and started again
    Then the e-mail in "o-1" is shredded
    When order "o-1" is fulfilled
    Then order "o-1" is "confirmed" in both views
    When order "o-3" is submitted
    Then it is rejected with "CUSTOMER_NOT_FOUND" about "customer" "ada"
    And no file contains "ada-qqxyzzy"
