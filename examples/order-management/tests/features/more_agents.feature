Feature: Each further agent is a page of code

  Rule: Agents by rules alone need no model

    @D-26
    Scenario: What is reserved down to a few pieces should be bought again
      Given a shop of its own whose agents listen
      And on the shelf
        | abacus     | 7 |
        | slide-rule | 9 |
      When reservation "r-1" is to hold 2 of "abacus", 1 of "slide-rule"
      Then no agent has sent anything about "abacus"
      When reservation "r-2" is to hold 1 of "abacus", 1 of "slide-rule"
      Then agent "low-stock" has sent "SuggestRestock" with {"productId": "abacus", "available": 4}
      And "RestockSuggested" is told of product "abacus" once
      And nobody was asked whether it may

    @D-26
    Scenario: A large order is flagged before it leaves the house
      Given a shop of its own whose agents listen
      And on the shelf
        | abacus | 20 |
      And customer "ada" called "Ada King" at "ada@example.com"
      And a draft order "o-small" of "ada" over 9 of "abacus"
      And a large draft order "o-large" of "ada" over 1 of "abacus"
      When order "o-small" is submitted
      And order "o-large" is submitted
      Then agent "high-value" has sent "FlagForVIPReview" with {"orderId": "o-large", "totalCents": 60000}
      And "VipReviewFlagged" is told of customer "ada" once
      And agent "high-value" began 1 workflow
      And no workflow of an agent knows "ada@example.com"

    @D-26
    Scenario: Three orders within an hour could travel together, cancelled ones left out
      Given a shop of its own whose agents listen, and whose clock stands still
      And on the shelf
        | abacus | 20 |
      And customer "ada" called "Ada King" at "ada@example.com"
      When "ada" submits order "o-0" over "abacus"
      And 2 hours pass in the shop
      And "ada" submits order "o-1" over "abacus"
      And "ada" submits order "o-2" over "abacus"
      And "ada" cancels order "o-2"
      And "ada" submits order "o-3" over "abacus"
      Then no agent has sent anything about "ada"
      When "ada" submits order "o-4" over "abacus"
      Then agent "consolidation" has sent "SuggestConsolidation" with {"customerId": "ada", "orderIds": ["o-1", "o-3", "o-4"]}
      And "ConsolidationSuggested" is told of customer "ada" once
      And no workflow of an agent knows "ada@example.com"
