Feature: External calls that are told to the domain

  @DUR-1 @PH-6
  Scenario Outline: Killed after each commit in turn, a call that <ends> is told once, and asks under one key
    Given a payment service that <does>
    Then a payment that is killed after each commit in turn is always told as "<event>"
    And the service was asked under one key in each of its lives

    Examples:
      | ends    | does                  | event            |
      | works   | answers               | PaymentCompleted |
      | works   | answers at the second | PaymentCompleted |
      | is lost | breaks down           | PaymentFailed    |
      | is refused | declines           | PaymentFailed    |
