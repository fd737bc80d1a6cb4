//! A token bucket: so many a second on average, and a burst at once.

use crate::Timestamp;

/// What may be missing of a token, or of a millisecond, by rounding alone.
const ROUNDING: f64 = 1e-6;

/// Tokens are counted in parts, so that a slow rate loses nothing between looks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bucket {
    rate_per_s: f64,
    burst: f64,
    tokens: f64,
    at: Timestamp,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(rate_per_s: f64, burst: Option<u32>, now: Timestamp) -> Self {
        let burst = burst.map_or(rate_per_s, f64::from).max(1.0);
        Self { rate_per_s, burst, tokens: burst, at: now }
    }

    /// Changes the rate and keeps what has been taken.
    pub(super) fn set(&mut self, rate_per_s: f64, burst: Option<u32>, now: Timestamp) {
        self.fill(now);
        self.rate_per_s = rate_per_s;
        self.burst = burst.map_or(rate_per_s, f64::from).max(1.0);
        self.tokens = self.tokens.min(self.burst);
    }

    fn fill(&mut self, now: Timestamp) {
        let passed_ms = now.as_millis().saturating_sub(self.at.as_millis()).max(0);
        self.at = self.at.max(now);
        let gained = passed_ms as f64 * self.rate_per_s / 1_000.0;
        self.tokens = (self.tokens + gained).min(self.burst);
    }

    /// When the next token is there; none when one is there now.
    pub(super) fn next_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.fill(now);
        if self.tokens >= 1.0 - ROUNDING {
            return None;
        }
        let missing_ms = (1.0 - self.tokens) * 1_000.0 / self.rate_per_s;
        let missing_ms = (missing_ms - ROUNDING).ceil().max(1.0);
        Some(now.plus_millis(missing_ms as u64))
    }

    /// Takes a token that is there.
    pub(super) fn take(&mut self) {
        self.tokens = (self.tokens - 1.0).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_then_the_rate_holds() {
        let at = Timestamp::from_millis;
        let mut bucket = Bucket::new(2.0, Some(3), at(0));
        for _ in 0..3 {
            assert_eq!(bucket.next_at(at(0)), None);
            bucket.take();
        }
        assert_eq!(bucket.next_at(at(0)), Some(at(500)));
        assert_eq!(bucket.next_at(at(499)), Some(at(500)));
        assert_eq!(bucket.next_at(at(500)), None);
        bucket.take();
        assert_eq!(bucket.next_at(at(400)), Some(at(900)), "time that goes back gains nothing");
        assert_eq!(bucket.next_at(at(60_000)), None);
        for _ in 0..3 {
            bucket.take();
        }
        assert!(bucket.next_at(at(60_000)).is_some(), "no more than a burst is kept");
    }
}
