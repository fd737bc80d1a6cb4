Feature: Dead letters

  Work that was given up on is kept until somebody decides: one machine under every kind.

  @PH-6
  Scenario: The machine has no contradiction
    Then the machine of dead letters has no mistake

  @PH-6
  Scenario: A retry that works ends the letter
    Given postcard "card-1" to "Oslo" was given up on after 5 attempts
    When "card-1" is retried by "ada"
    Then "card-1" is "resolved", which its kind calls "replayed"
    When "card-1" is retried by "ada"
    Then it is refused with "DEAD_LETTER_NOT_PENDING"

  @PH-6
  Scenario: A retry that fails leaves it pending with what went wrong, and nothing that it wrote
    Given postcard "card-2" to "Atlantis" was given up on after 5 attempts
    When "card-2" is retried by "ada"
    Then "card-2" is "pending", which its kind calls "pending"
    And its last error is "under water" after 6 attempts
    And nothing was noted

  @PH-6
  Scenario: A retry that takes a while is over when whoever makes it says so
    Given postcard "card-3" to "Moon" was given up on after 5 attempts
    When "card-3" is retried by "ada"
    Then "card-3" is "retrying", which its kind calls "retrying"
    When the retry of "card-3" fails with "no rocket"
    Then "card-3" is "pending", which its kind calls "pending"
    And its last error is "no rocket" after 6 attempts
    When "card-3" is retried by "ada"
    And the retry of "card-3" works
    And the retry of "card-3" works
    Then "card-3" is "resolved", which its kind calls "replayed"

  @PH-6
  Scenario: Who ignores one says why, and that is final
    Given postcard "card-4" to "Oslo" was given up on after 5 attempts
    When "card-4" is ignored by "ada" because ""
    Then it is refused with "REASON_REQUIRED"
    When "card-4" is ignored by "ada" because "sent by hand"
    Then "card-4" is "ignored", which its kind calls "ignored"
    When "card-4" is retried by "ada"
    Then it is refused with "DEAD_LETTER_NOT_PENDING"

  @PH-6
  Scenario: Work that is given up on twice has one letter, which goes on in its trace
    Given postcard "card-5" to "Oslo" was given up on after 5 attempts
    And postcard "card-5" to "Oslo" was given up on after 3 attempts
    When the letters of state "pending" are listed
    Then they are "card-5"
    And its last error is "no such street" after 8 attempts
    And it carries the trace "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

  @PH-6
  Scenario: Lists by state and target, in pages, and figures that follow
    Given postcard "a" to "Oslo" was given up on after 1 attempts
    And postcard "b" to "Bergen" was given up on after 1 attempts
    And postcard "c" to "Oslo" was given up on after 1 attempts
    When "a" is ignored by "ada" because "moved"
    Then there are 2 in state "pending", 1 of them for "Oslo"
    And there are 1 in state "ignored", 1 of them for "Oslo"
    When the letters for "Oslo" are listed, one a page
    Then they are "a, c"
    When the letters of state "pending" are listed
    Then they are "b, c"

  @PH-6
  Scenario: What is over is kept for a month
    Given postcard "old" to "Oslo" was given up on after 1 attempts
    When "old" is retried by "ada"
    And 31 days pass
    And postcard "new" to "Oslo" was given up on after 1 attempts
    Then the letter of "old" is forgotten
