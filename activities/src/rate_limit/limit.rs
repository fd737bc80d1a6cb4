//! Token bucket and fixed window, as arithmetic on milliseconds.
//!
//! Invariants: all numbers are whole, so that nothing drifts; time that goes back gives nothing
//! and takes nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How often something may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    kind: Kind,
    /// So many in each period.
    rate: u64,
    period_ms: u64,
    /// So many at once.
    capacity: u64,
    shards: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    TokenBucket,
    FixedWindow,
}

/// What a key has used up. The default one has used nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// A bucket: what is missing in it, in tokens times the period. A window: what was taken.
    used: u128,
    /// A bucket: when `used` was true. A window: when it began. In milliseconds since 1970.
    at_ms: i64,
}

/// How full a key's meter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What is used up now, rounded up.
    pub used: u64,
    /// What may be done at once.
    pub capacity: u64,
    /// After so long all of it may be done again, in milliseconds.
    pub full_after_ms: u64,
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Whether it may be done.
    pub allowed: bool,
    /// After so long it may be. None where it is allowed, and where it is more than will ever be
    /// allowed at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl RateLimit {
    /// `rate` in each period, spread evenly; so many at once, too, unless
    /// [`RateLimit::capacity`] says otherwise. 0 counts as 1.
    pub const fn token_bucket(rate: u64, period: Duration) -> Self {
        Self::new(Kind::TokenBucket, rate, period)
    }

    /// `rate` in each period, whenever within it. The first period begins with the first request.
    pub const fn fixed_window(rate: u64, period: Duration) -> Self {
        Self::new(Kind::FixedWindow, rate, period)
    }

    const fn new(kind: Kind, rate: u64, period: Duration) -> Self {
        let rate = if rate == 0 { 1 } else { rate };
        // A period of more than an i64 of milliseconds is for ever.
        let period_ms = match period.as_millis() {
            0 => 1,
            ms if ms > i64::MAX as u128 => i64::MAX as u64,
            ms => ms as u64,
        };
        Self { kind, rate, period_ms, capacity: rate, shards: 1 }
    }

    /// A bucket that holds more, or less, than it gets in a period.
    #[must_use]
    pub const fn capacity(mut self, tokens: u64) -> Self {
        self.capacity = if tokens == 0 { 1 } else { tokens };
        self
    }

    /// Into how many shards a store with many writers would split it; see [`shards_for`].
    #[must_use]
    pub const fn shards(mut self, shards: u32) -> Self {
        self.shards = if shards == 0 { 1 } else { shards };
        self
    }

    /// The number that was given, or 1.
    pub const fn shard_count(&self) -> u32 {
        self.shards
    }

    /// Asks for `cost` at a time, in milliseconds since 1970; answers whether it is granted, and
    /// what is used up then.
    pub fn take(&self, meter: Meter, cost: u64, now_ms: i64) -> (Decision, Meter) {
        match self.kind {
            Kind::TokenBucket => self.take_from_bucket(meter, cost, now_ms),
            Kind::FixedWindow => self.take_from_window(meter, cost, now_ms),
        }
    }

    /// `token_bucket` or `fixed_window`.
    pub const fn kind(&self) -> &'static str {
        match self.kind {
            Kind::TokenBucket => "token_bucket",
            Kind::FixedWindow => "fixed_window",
        }
    }

    /// So many in each period.
    pub const fn rate(&self) -> u64 {
        self.rate
    }

    /// The period, in milliseconds.
    pub const fn period_ms(&self) -> u64 {
        self.period_ms
    }

    /// How full the meter is at a time, in milliseconds since 1970.
    pub fn read(&self, meter: Meter, now_ms: i64) -> Reading {
        let whole = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
        match self.kind {
            Kind::TokenBucket => {
                let missing = self.missing(meter, now_ms);
                Reading {
                    used: whole(missing.div_ceil(u128::from(self.period_ms))),
                    capacity: self.capacity,
                    full_after_ms: whole(missing.div_ceil(u128::from(self.rate))),
                }
            }
            Kind::FixedWindow => {
                let is_over = self.is_spent(meter, now_ms);
                let left = self.period_ms.saturating_sub(elapsed(meter, now_ms));
                Reading {
                    used: if is_over { 0 } else { whole(meter.used) },
                    capacity: self.rate,
                    full_after_ms: if is_over { 0 } else { left },
                }
            }
        }
    }

    /// Whether the meter says nothing any more: a fresh one would be answered the same.
    pub fn is_spent(&self, meter: Meter, now_ms: i64) -> bool {
        match self.kind {
            Kind::TokenBucket => self.missing(meter, now_ms) == 0,
            Kind::FixedWindow => elapsed(meter, now_ms) >= self.period_ms,
        }
    }

    /// What is missing in the bucket now, in tokens times the period.
    fn missing(&self, meter: Meter, now_ms: i64) -> u128 {
        let filled = u128::from(elapsed(meter, now_ms)) * u128::from(self.rate);
        meter.used.saturating_sub(filled)
    }

    fn take_from_bucket(&self, meter: Meter, cost: u64, now_ms: i64) -> (Decision, Meter) {
        let period = u128::from(self.period_ms);
        let full = u128::from(self.capacity) * period;
        let missing = self.missing(meter, now_ms);
        let used = missing + u128::from(cost) * period;
        if used <= full {
            // A clock that went back must not fill the bucket twice.
            return (ALLOWED, Meter { used, at_ms: now_ms.max(meter.at_ms) });
        }
        let possible = cost <= self.capacity;
        let wait = (used - full).div_ceil(u128::from(self.rate));
        (denied(possible.then_some(wait)), meter)
    }

    fn take_from_window(&self, meter: Meter, cost: u64, now_ms: i64) -> (Decision, Meter) {
        let fresh = meter.used == 0 || elapsed(meter, now_ms) >= self.period_ms;
        let meter = if fresh { Meter { used: 0, at_ms: now_ms } } else { meter };
        let used = meter.used + u128::from(cost);
        if used <= u128::from(self.rate) {
            return (ALLOWED, Meter { used, ..meter });
        }
        let left = self.period_ms - elapsed(meter, now_ms);
        (denied((cost <= self.rate).then_some(left.into())), meter)
    }
}

const ALLOWED: Decision = Decision { allowed: true, retry_after_ms: None };

fn denied(wait: Option<u128>) -> Decision {
    let retry_after_ms = wait.map(|wait| u64::try_from(wait).unwrap_or(u64::MAX));
    Decision { allowed: false, retry_after_ms }
}

fn elapsed(meter: Meter, now_ms: i64) -> u64 {
    u64::try_from(now_ms.saturating_sub(meter.at_ms)).unwrap_or(0)
}

/// How many shards a limit needs that is asked so often a second, in a store whose writers
/// collide: none below 50, and then about half of the rate.
pub const fn shards_for(queries_a_second: u32) -> u32 {
    match queries_a_second {
        0..50 => 1,
        50..200 => {
            let shards = queries_a_second / 20;
            if shards < 5 { 5 } else { shards }
        }
        200..1_000 => queries_a_second / 20,
        _ => queries_a_second / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ADMIN_OPERATIONS, COMMAND_DISPATCH};
    use super::*;

    /// How many of `asked` are granted at one time, and the meter after them.
    fn many(limit: RateLimit, mut meter: Meter, asked: usize, now_ms: i64) -> (usize, Meter) {
        let mut granted = 0;
        for _ in 0..asked {
            let (decision, next) = limit.take(meter, 1, now_ms);
            granted += usize::from(decision.allowed);
            meter = next;
        }
        (granted, meter)
    }

    #[test]
    fn a_bucket_gives_its_capacity_and_then_its_rate() {
        let (granted, meter) = many(COMMAND_DISPATCH, Meter::default(), 200, 1_000_000);
        assert_eq!(granted, 150);
        let (denied, meter) = COMMAND_DISPATCH.take(meter, 1, 1_000_000);
        assert_eq!((denied.allowed, denied.retry_after_ms), (false, Some(600)));
        assert!(!COMMAND_DISPATCH.take(meter, 1, 1_000_599).0.allowed);
        assert!(COMMAND_DISPATCH.take(meter, 1, 1_000_600).0.allowed);
        let (granted, meter) = many(COMMAND_DISPATCH, meter, 500, 1_060_000);
        assert_eq!(granted, 100);
        // However long nobody asks, it holds no more than its capacity.
        let (granted, _) = many(COMMAND_DISPATCH, meter, 500, 99_000_000);
        assert_eq!(granted, 150);
        assert_eq!(COMMAND_DISPATCH.take(meter, 151, 99_000_000).0.retry_after_ms, None);
    }

    #[test]
    fn a_window_gives_its_number_and_begins_anew() {
        let hour = 60 * 60 * 1_000;
        let (granted, meter) = many(ADMIN_OPERATIONS, Meter::default(), 12, 5_000);
        assert_eq!(granted, 10);
        let (denied, meter) = ADMIN_OPERATIONS.take(meter, 1, 5_000 + hour - 1);
        assert_eq!((denied.allowed, denied.retry_after_ms), (false, Some(1)));
        assert!(!ADMIN_OPERATIONS.is_spent(meter, 5_000 + hour - 1));
        assert!(ADMIN_OPERATIONS.is_spent(meter, 5_000 + hour));
        assert_eq!(many(ADMIN_OPERATIONS, meter, 12, 5_000 + hour).0, 10);
    }

    #[test]
    fn a_meter_says_how_full_it_is() {
        let (_, meter) = many(COMMAND_DISPATCH, Meter::default(), 149, 1_000_000);
        let read = |meter, at| {
            let Reading { used, capacity, full_after_ms } = COMMAND_DISPATCH.read(meter, at);
            (used, capacity, full_after_ms)
        };
        assert_eq!(read(Meter::default(), 1_000_000), (0, 150, 0));
        assert_eq!(read(meter, 1_000_000), (149, 150, 89_400));
        assert_eq!(read(meter, 1_000_300), (149, 150, 89_100));
        assert_eq!(read(meter, 9_000_000), (0, 150, 0));
        let (_, meter) = many(ADMIN_OPERATIONS, Meter::default(), 3, 5_000);
        let read = ADMIN_OPERATIONS.read(meter, 6_000);
        assert_eq!((read.used, read.capacity, read.full_after_ms), (3, 10, 3_599_000));
        assert_eq!(ADMIN_OPERATIONS.read(meter, 5_000 + 3_600_000).used, 0);
    }

    #[test]
    fn time_that_goes_back_gives_nothing() {
        for limit in [COMMAND_DISPATCH, ADMIN_OPERATIONS] {
            let (granted, meter) = many(limit, Meter::default(), 500, 1_000_000);
            assert!(granted > 0);
            assert_eq!(many(limit, meter, 500, 0).0, 0);
            assert_eq!(many(limit, many(limit, meter, 500, 0).1, 500, 1_000_000).0, 0);
        }
    }

    /// Over any stretch of time a bucket grants at most its capacity and what it got meanwhile.
    #[test]
    fn no_stretch_of_time_gets_more_than_its_share() {
        let limit = RateLimit::token_bucket(7, Duration::from_millis(1_000)).capacity(5);
        let (mut meter, mut granted, mut seed) = (Meter::default(), Vec::new(), 1_u64);
        let mut now = 1_000_000_i64;
        for _ in 0..5_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            now += (seed >> 33) as i64 % 200;
            let (decision, next) = limit.take(meter, 1, now);
            if decision.allowed {
                granted.push(now);
            } else {
                let wait = decision.retry_after_ms.unwrap() as i64;
                assert!(limit.take(meter, 1, now + wait).0.allowed);
                assert!(!limit.take(meter, 1, now + wait - 1).0.allowed);
            }
            meter = next;
        }
        for (at, from) in granted.iter().enumerate() {
            for (count, to) in granted[at..].iter().enumerate().step_by(17) {
                let share = 5 + 7 * (to - from) / 1_000 + 1;
                assert!((count as i64) < share + 1, "{count} in {} ms", to - from);
            }
        }
        assert!(granted.len() > 1_000);
    }

    #[test]
    fn shards_follow_the_rate() {
        for (rate, from, to) in [(10, 1, 1), (49, 1, 1), (50, 5, 10), (199, 5, 10), (200, 10, 50)] {
            assert!((from..=to).contains(&shards_for(rate)), "{rate}");
        }
        assert!((10..=50).contains(&shards_for(999)) && shards_for(1_000) >= 50);
        assert_eq!(COMMAND_DISPATCH.shard_count(), 50);
    }
}
