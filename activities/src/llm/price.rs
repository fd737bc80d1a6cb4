//! What tokens cost.
//!
//! Invariant: whole numbers only, rounded up, so that many small costs are never less than their
//! sum.

/// A model's price, in millionths of a dollar for a million tokens: $0.15 is 150,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LlmPrice {
    /// Of the question.
    pub input_micro_usd_per_million: u64,
    /// Of the answer.
    pub output_micro_usd_per_million: u64,
}

impl LlmPrice {
    /// Dollars for a million tokens of question and of answer, in millionths.
    pub const fn new(input: u64, output: u64) -> Self {
        Self { input_micro_usd_per_million: input, output_micro_usd_per_million: output }
    }

    /// What so many tokens cost, in millionths of a dollar.
    pub fn micro_usd(self, input_tokens: u64, output_tokens: u64) -> u64 {
        let part = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        let whole = part(input_tokens, self.input_micro_usd_per_million)
            + part(output_tokens, self.output_micro_usd_per_million);
        u64::try_from(whole.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_rounded_up() {
        let price = LlmPrice::new(150_000, 600_000);
        assert_eq!(price.micro_usd(1_000_000, 1_000_000), 750_000);
        assert_eq!(price.micro_usd(1, 0), 1);
        assert_eq!(price.micro_usd(0, 0), 0);
        assert_eq!(LlmPrice::new(u64::MAX, 0).micro_usd(u64::MAX, 0), u64::MAX);
    }
}
