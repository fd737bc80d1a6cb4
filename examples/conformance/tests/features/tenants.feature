Feature: Tenants share nothing

  @DCB-4 @ECST-3
  Scenario: What is done to one tenant leaves the other as it was
    Given a server of its own
    And tenants "left" and "right" that were told the same
    And what tenant "right" answers is kept
    When subject "c1" of tenant "left" is shredded
    Then tenant "left" does not say "ada-xyzzy" any more
    And tenant "right" answers the same
    When run "chain" of tenant "left" is deleted
    And a backup is made
    Then tenant "right" answers the same
    When tenant "left" is deleted
    Then tenant "right" answers the same
    And tenant "left" is not known
    When the server is killed and started again
    Then tenant "right" answers the same
