//! Limits on how often something may be done, by key, that outlive the process.
//!
//! ```
//! use everstep_activities::rate_limit::{COMMAND_DISPATCH, Meter};
//!
//! let (first, meter) = COMMAND_DISPATCH.take(Meter::default(), 1, 0);
//! assert!(first.allowed);
//! // 150 at once, then 100 a minute.
//! let (all, meter) = COMMAND_DISPATCH.take(meter, 149, 0);
//! assert!(all.allowed);
//! let (denied, _) = COMMAND_DISPATCH.take(meter, 1, 0);
//! assert_eq!(denied.retry_after_ms, Some(600));
//! ```
//!
//! [`RateLimit`] is pure: what a key has used up, how much is asked for and the time give the
//! answer and what is used up then. [`DurableLimiter`] keeps the latter in a row that the asking
//! transaction writes, so that it counts exactly what was committed, and a restart forgives
//! nothing. What needs *some* limiter takes a [`RateLimiter`].
//!
//! Invariants: a denial writes nothing; a key's row is gone again some time after it stopped to
//! matter.
//!
//! # Shards
//!
//! Where writers collide on a busy limit, it is split: each shard has its share of the limit, and
//! a request goes to a random one. How many: [`shards_for`]. Here one loop writes and nothing
//! collides, so a limiter keeps one row a key and is exact; the number is for whoever moves a
//! limit to a store with many writers.

mod desk;
mod limit;
mod limiter;
mod rolling;

pub use desk::{LimitPage, LimitView, Limits, MeterView, WorkerLimits, list, reset};
pub use limit::{Decision, Meter, RateLimit, Reading, shards_for};
pub use limiter::{DurableLimiter, RateLimiter};
pub use rolling::{RollingLimit, Taken};

use std::time::Duration;

/// Commands of one sender: 100 a minute, 150 at once.
pub const COMMAND_DISPATCH: RateLimit =
    RateLimit::token_bucket(100, Duration::from_secs(60)).capacity(150).shards(50);

/// Administrative operations of one caller: 10 in each hour.
pub const ADMIN_OPERATIONS: RateLimit = RateLimit::fixed_window(10, Duration::from_secs(60 * 60));
