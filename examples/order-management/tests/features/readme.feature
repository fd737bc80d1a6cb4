Feature: The shop as a reference

  @EX-4
  Scenario: The README says which patterns the shop shows, and where
    When the README of the shop is read
    Then it has a badge that says "Reference Implementation"
    And it has the sections "Patterns demonstrated", "Architecture", "Running it" and "Guidelines"
    And it names these patterns with their phase, their code and their page
      | CMS dual-write            | 02  |
      | Pure deciders             | 14  |
      | Projection categories     | 15  |
      | DCB                       | 16  |
      | Reactive projections      | 17  |
      | Durable function adapters | 18a |
      | Fat events                | 20  |
      | Reservation pattern       | 20  |

  @EX-4
  Scenario: Links lead somewhere
    When every link of README and docs is followed
    Then each leads to a file, and to a heading there
