Feature: Writers of one warehouse who know an old version of it

  @DFA-2
  Scenario: Two hundred writers at once are all decided, and callers try nothing again
    Given on the shelf
      | abacus     | 10 |
      | slide-rule | 5  |
    When 200 writers who know an old version of the warehouse add 1 of "abacus" at once
    Then some of them are deferred, under keys of their own
    And every one of them is executed in the end
    And the shelf has
      | abacus     | 210 | 0 |
      | slide-rule | 5   | 0 |
    And there are 0 dead letters
