Feature: What a release stored and said stays readable

  @PKG-4
  Scenario Outline: The store and the answers of release <release>
    Given a server on the store that release "<release>" left
    Then it answers what that release answered
    And it takes what that release took, on an empty store
    And it goes on with what that release had begun

    Examples:
      | release |
      | 0.1.0   |
