//! When a failed activity is tried again.

use serde::{Deserialize, Serialize};

/// Exponential backoff with jitter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Milliseconds before the second attempt.
    pub initial_interval_ms: u64,
    /// Factor from one pause to the next.
    pub backoff_coefficient: f64,
    /// Longest pause in milliseconds, before jitter.
    pub max_interval_ms: u64,
    /// The last attempt there will be; none for no limit.
    pub max_attempts: Option<u32>,
    /// Each pause is made up to so many percent shorter or longer.
    pub jitter_percent: u8,
    /// Failure types that are not retried.
    pub non_retryable: Vec<String>,
}

impl RetryPolicy {
    /// First retry after 1 s, factor 2, at most 60 s, jitter ± 20 %, no limit.
    pub const DEFAULT: Self = Self {
        initial_interval_ms: 1_000,
        backoff_coefficient: 2.0,
        max_interval_ms: 60_000,
        max_attempts: None,
        jitter_percent: 20,
        non_retryable: Vec::new(),
    };

    /// Milliseconds from the failure of `attempt` (from 1) to the next one. `entropy` decides the
    /// jitter; the same entropy gives the same pause.
    pub fn pause_ms(&self, attempt: u32, entropy: u64) -> u64 {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let base = (self.initial_interval_ms as f64 * self.backoff_coefficient.powi(exponent))
            .min(self.max_interval_ms as f64);
        let jitter = f64::from(self.jitter_percent.min(100)) / 100.0;
        let unit = (mix(entropy) >> 11) as f64 / (1u64 << 53) as f64; // in [0, 1)
        (base * (1.0 + jitter * (2.0 * unit - 1.0))).round() as u64
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
/// generators, 2014): spreads neighbouring inputs over all 64 bits.
pub(crate) const fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_within_the_jitter() {
        let policy = RetryPolicy::DEFAULT;
        for attempt in 1..200 {
            let base = (1_000u64 << (attempt - 1).min(10)).min(60_000);
            for entropy in 0..50 {
                let pause = policy.pause_ms(attempt, entropy);
                assert!(pause >= base * 8 / 10 && pause <= base * 12 / 10, "{attempt}: {pause}");
            }
        }
        assert_ne!(policy.pause_ms(3, 1), policy.pause_ms(3, 2));
    }
}
