//! How often something happened in the last minute.

use crate::Timestamp;

/// Seconds that are looked back on.
const SECONDS: usize = 60;

/// One count for each of the last sixty seconds.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    counts: [u32; SECONDS],
    /// The second that the newest count belongs to.
    second: i64,
}

impl Rate {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { counts: [0; SECONDS], second: second_of(now) }
    }

    fn slot(second: i64) -> usize {
        second.rem_euclid(SECONDS as i64) as usize
    }

    fn forward(&mut self, now: Timestamp) {
        let second = second_of(now);
        let passed = second.saturating_sub(self.second).clamp(0, SECONDS as i64);
        for step in 0..passed {
            self.counts[Self::slot(second - step)] = 0;
        }
        self.second = self.second.max(second);
    }

    pub(super) fn count(&mut self, now: Timestamp) {
        self.forward(now);
        let slot = &mut self.counts[Self::slot(self.second)];
        *slot = slot.saturating_add(1);
    }

    /// A second, over the last minute.
    pub(super) fn per_second(&mut self, now: Timestamp) -> f64 {
        self.forward(now);
        self.counts.iter().map(|count| f64::from(*count)).sum::<f64>() / SECONDS as f64
    }
}

fn second_of(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_looked_back_on_and_no_more() {
        let at = Timestamp::from_millis;
        let mut rate = Rate::new(at(500));
        for second in 0..30 {
            rate.count(at(second * 1_000));
            rate.count(at(second * 1_000));
        }
        assert_eq!(rate.per_second(at(29_000)), 1.0);
        assert_eq!(rate.per_second(at(75_000)), 28.0 / 60.0, "16 to 29 are left, twice each");
        assert_eq!(rate.per_second(at(1_000_000)), 0.0);
    }
}
