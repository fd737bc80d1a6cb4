//! 50: how often a user may send a command: a token bucket a user and command.
//!
//! Invariant: a bucket is a row that is written with the command's record, so that a restart
//! forgets no command and gives no burst anew.

use std::collections::BTreeMap;

use everstep_decider::Rejection;
use everstep_engine::{ActivityError, Table, TransactionContext};
use serde::{Deserialize, Serialize};

use super::{Middleware, Received, Verdict};

const BUCKETS: Table<Bucket> = Table::new("everstep", "command_rates");

/// How often: `burst` at once, and one more each `every_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The most at once; at least 1.
    pub burst: u32,
    /// After how many milliseconds one more is allowed; at least 1.
    pub every_ms: u64,
}

/// What is left, as of a time. Counted in milliseconds, so that nothing is rounded away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bucket {
    credit_ms: u64,
    at_ms: i64,
}

impl RateLimit {
    fn full(self) -> u64 {
        u64::from(self.burst.max(1)).saturating_mul(self.every_ms.max(1))
    }

    /// Takes one at `now_ms`; otherwise says in how many milliseconds there is one.
    fn take(self, bucket: Option<Bucket>, now_ms: i64) -> Result<Bucket, u64> {
        let every = self.every_ms.max(1);
        let bucket = bucket.unwrap_or(Bucket { credit_ms: self.full(), at_ms: now_ms });
        let passed = u64::try_from(now_ms.saturating_sub(bucket.at_ms)).unwrap_or(0);
        let credit = bucket.credit_ms.saturating_add(passed).min(self.full());
        match credit.checked_sub(every) {
            Some(credit_ms) => Ok(Bucket { credit_ms, at_ms: now_ms }),
            None => Err(every - credit),
        }
    }
}

#[derive(Default)]
pub(in crate::commands) struct RateLimits(BTreeMap<&'static str, RateLimit>);

impl RateLimits {
    pub(in crate::commands) const NAME: &'static str = "rate_limit";

    pub(in crate::commands) fn insert(&mut self, command: &'static str, limit: RateLimit) {
        self.0.insert(command, limit);
    }

    pub(in crate::commands) fn get(&self, command: &str) -> Option<RateLimit> {
        self.0.get(command).copied()
    }
}

impl Middleware for RateLimits {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn order(&self) -> u32 {
        50
    }

    fn before(
        &self,
        tx: &mut TransactionContext<'_>,
        command: Received<'_>,
    ) -> Result<Verdict, ActivityError> {
        let request = command.request;
        let name = &request.command_type;
        let Some(limit) = command.commands.limit_of(name) else { return Ok(Verdict::Pass) };
        let key = format!("{name}\u{1}{}", request.user_id);
        let now_ms = tx.now().as_millis();
        match limit.take(tx.get(BUCKETS, &key)?, now_ms) {
            Ok(bucket) => {
                tx.put(BUCKETS, &key, &bucket)?;
                Ok(Verdict::Pass)
            }
            Err(wait_ms) => {
                let user = &request.user_id;
                let what = format!("`{user}` sends command `{name}` too often: wait {wait_ms} ms");
                let rejection = Rejection::new("RATE_LIMITED", what);
                Ok(Verdict::Refuse(rejection.with("retry_after_ms", wait_ms)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_one_each_time() {
        let limit = RateLimit { burst: 2, every_ms: 100 };
        let first = limit.take(None, 0).expect("one");
        let second = limit.take(Some(first), 0).expect("two");
        assert_eq!(limit.take(Some(second), 30), Err(70));
        let third = limit.take(Some(second), 100).expect("one more");
        assert_eq!(limit.take(Some(third), 100), Err(100));
        // However long nobody asks, there are never more than the burst.
        let later = limit.take(Some(third), 1_000_000).expect("full");
        assert_eq!(later.credit_ms, 100);
        // A clock that goes back gives nothing.
        assert_eq!(limit.take(Some(third), 0), Err(100));
    }
}
