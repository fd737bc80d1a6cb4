//! So many in any stretch of time: a bucket whose tokens come back a period after they were taken.
//!
//! A bucket that fills evenly grants up to twice its rate in one period, after a rest. Where the
//! number is a promise to somebody else, each token has to come back by itself.
//!
//! Invariant: no stretch of one period, wherever it begins, has more grants than the rate.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Decision;

/// So many in any period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollingLimit {
    rate: usize,
    period_ms: i64,
}

/// When tokens were taken, oldest first, in milliseconds since 1970; as many as the rate at the
/// most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Taken(VecDeque<i64>);

impl RollingLimit {
    /// `rate` in any `period`; 0 counts as 1.
    pub fn new(rate: usize, period: Duration) -> Self {
        let period_ms = i64::try_from(period.as_millis()).unwrap_or(i64::MAX).max(1);
        Self { rate: rate.max(1), period_ms }
    }

    /// Takes one token, if there is one. Who is denied while `ahead` others wait is told when the
    /// token after theirs comes back.
    pub fn take(&self, taken: &mut Taken, ahead: usize, now_ms: i64) -> Decision {
        self.forget(taken, now_ms);
        if taken.0.len() < self.rate {
            // A clock that went back must not let tokens come back sooner.
            let at = taken.0.back().map_or(now_ms, |last| now_ms.max(*last));
            taken.0.push_back(at);
            return Decision { allowed: true, retry_after_ms: None };
        }
        Decision { allowed: false, retry_after_ms: Some(self.wait_ms(taken, ahead, now_ms)) }
    }

    /// How long it takes until a token comes back after `ahead` others have.
    pub fn wait_ms(&self, taken: &Taken, ahead: usize, now_ms: i64) -> u64 {
        let (rounds, place) = (ahead / self.rate, ahead % self.rate);
        let back = taken.0.get(place).copied().unwrap_or(now_ms).saturating_add(self.period_ms);
        let rounds = self.period_ms.saturating_mul(i64::try_from(rounds).unwrap_or(i64::MAX));
        back.saturating_add(rounds).saturating_sub(now_ms).max(1).unsigned_abs()
    }

    /// How many tokens are out now.
    pub fn used(&self, taken: &mut Taken, now_ms: i64) -> usize {
        self.forget(taken, now_ms);
        taken.0.len()
    }

    fn forget(&self, taken: &mut Taken, now_ms: i64) {
        while taken.0.front().is_some_and(|at| now_ms.saturating_sub(*at) >= self.period_ms) {
            taken.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn tokens_come_back_a_period_after_they_were_taken() {
        let limit = RollingLimit::new(60, Duration::from_secs(60));
        let mut taken = Taken::default();
        for at in 0..60 {
            assert!(limit.take(&mut taken, 0, at).allowed, "{at}");
        }
        let denied = limit.take(&mut taken, 0, 100);
        assert_eq!((denied.allowed, denied.retry_after_ms), (false, Some(59_900)));
        assert_eq!(limit.take(&mut taken, 2, 100).retry_after_ms, Some(59_902));
        assert_eq!(limit.take(&mut taken, 60, 100).retry_after_ms, Some(119_900));
        assert!(!limit.take(&mut taken, 0, MINUTE - 1).allowed);
        assert!(limit.take(&mut taken, 0, MINUTE).allowed);
        assert!(!limit.take(&mut taken, 0, MINUTE).allowed);
        assert_eq!(limit.used(&mut taken, MINUTE), 60);
    }

    #[test]
    fn no_stretch_of_a_period_has_more_than_the_rate() {
        let limit = RollingLimit::new(5, Duration::from_millis(1_000));
        let (mut taken, mut granted, mut now, mut seed) = (Taken::default(), Vec::new(), 0, 1_u64);
        for _ in 0..3_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            now += (seed >> 33) as i64 % 300;
            if limit.take(&mut taken, 0, now).allowed {
                granted.push(now);
            }
        }
        for stretch in granted.windows(6) {
            assert!(stretch[5] - stretch[0] >= 1_000, "{stretch:?}");
        }
        assert!(granted.len() > 1_000);
    }
}
