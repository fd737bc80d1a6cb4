Feature: Other systems and other contexts

  @INT-3
  Scenario: What another system says in words without a meaning is refused and never guessed
    When the payment service answers {"id": "ch_1", "status": "reversed", "amount": "12.34"}
    Then it is refused with "UNMAPPED_VALUE" at "status"
    When the payment service answers {"id": "ch_1", "amount": "12.34"}
    Then it is refused with "INVALID_EXTERNAL_RESPONSE" at "status"

  @INT-3
  Scenario: Both directions give the same back
    When the payment service answers {"id": "ch_1", "status": "succeeded", "amount": "12.34"}
    Then the payment is of 1234 cents
    And it goes back as {"amount":"12.34","id":"ch_1","status":"succeeded"}

  @INT-5
  Scenario: Samples are valid and different
    When 50 samples of "StockReserved" are made
    Then each of them is valid and no two are equal

  @ECST-1
  Scenario: A consumer of a fat event asks nobody back
    When the catalogue renames "lamp" to "Desk lamp" in a fat event
    Then a consumer that knows the event alone shows "Desk lamp" at 4200 cents

  @ECST-4
  Scenario: A thin event does not cross contexts
    When "orders" is told by "inventory" with a thin event
    Then it is refused with "THIN_EVENT_NOT_ALLOWED"
    When "orders" is told by "inventory" with a fat event
    Then it is not refused
    When "inventory" is told by "orders" with a fat event
    Then it is refused with "UNDECLARED_RELATIONSHIP"
