Feature: What one context tells others, and events that have to be appended

  Background:
    Given a server of its own with a manual clock

  @DUR-3
  Scenario: One of three targets is down, and the others are told all the same
    When "analytics" breaks
    And something is announced
    Then what was announced to "inventory" becomes "delivered" after 1 attempt
    And what was announced to "mailing" becomes "delivered" after 1 attempt
    And what was announced to "analytics" becomes "failed" after 1 attempt
    When 1000 ms pass
    Then what was announced to "analytics" becomes "failed" after 2 attempts
    When "analytics" is mended
    And 2000 ms pass
    Then what was announced to "analytics" becomes "delivered" after 3 attempts
    And "analytics" was told once
    And "inventory" was told once

  @DUR-3
  Scenario: The event and its deliveries are one commit
    When something is announced
    And the server is killed and started again
    Then what was announced to "analytics" becomes "delivered" after 1 attempt
    And "analytics" was told once
    And "inventory" was told once
    And "mailing" was told once

  @DUR-7 @PH-6
  Scenario: What failed five times waits for somebody, who has it tried again
    When "analytics" breaks
    And something is announced
    Then what was announced to "analytics" becomes "failed" after 1 attempt
    When 1000 ms pass
    Then what was announced to "analytics" becomes "failed" after 2 attempts
    When 2000 ms pass
    Then what was announced to "analytics" becomes "failed" after 3 attempts
    When 4000 ms pass
    Then what was announced to "analytics" becomes "failed" after 4 attempts
    When 8000 ms pass
    Then what was announced to "analytics" becomes "dead_letter" after 5 attempts
    And there is 1 "pending" dead letter of kind "publication" for "analytics"
    And there are 0 "pending" dead letters of kind "publication" for "inventory"
    When "analytics" is mended
    And the dead letter is retried
    Then what was announced to "analytics" becomes "delivered" after 6 attempts
    And there is 1 "resolved" dead letter of kind "publication" for "analytics"
    And "analytics" was told once

  @DUR-7
  Scenario: What need not be told is ignored
    When "mailing" breaks
    And something is announced
    And what was announced to "mailing" fails until it is given up
    And the dead letter is ignored because "nobody reads it"
    Then there is 1 "ignored" dead letter of kind "publication" for "mailing"

  @DUR-5
  Scenario: An append that fails three times and then works is stored once, and the next one after it
    When "store" breaks
    And "Fragile" is to be appended durably as "k-1"
    And "Plain" is to be appended durably as "k-2"
    And "Fragile" is to be appended durably as "k-1"
    And 1000 ms pass
    And 2000 ms pass
    Then the stream has no events
    When "store" is mended
    And time passes until the stream has "Fragile, Plain"
    Then there are 0 "pending" dead letters of kind "eventAppend" for "Durable"

  @DUR-5
  Scenario: An append that fails five times is a dead letter, which somebody has tried again
    When "store" breaks
    And "Fragile" is to be appended durably as "k-1"
    And time passes until there is 1 dead letter of kind "eventAppend"
    And the server is killed and started again
    And "store" is mended
    And the dead letter is retried
    And time passes until the stream has "Fragile"
    Then there is 1 "resolved" dead letter of kind "eventAppend" for "Durable"
