//! How an activity is run, as the history keeps it.

use serde::{Deserialize, Serialize};

use crate::kernel::RetryPolicy;
use crate::queue::Dispatch;

/// How an activity is run. [`ActivityOptions::DEFAULT`] is the one place that says what holds
/// where nothing is said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActivityOptions {
    /// Milliseconds that one attempt may take.
    pub start_to_close_ms: u64,
    /// When and how often to try again.
    pub retry: RetryPolicy,
    /// A function over the application's rows whose writes commit with its result.
    pub transaction: bool,
    /// Milliseconds that all attempts and the pauses between them may take.
    pub schedule_to_close_ms: Option<u64>,
    /// Milliseconds that it may wait for an attempt to start.
    pub schedule_to_start_ms: Option<u64>,
    /// Milliseconds that an attempt may go on without a heartbeat.
    pub heartbeat_ms: Option<u64>,
    /// Milliseconds that an attempt has to end in once it is asked to.
    pub cancel_grace_ms: u64,
    /// Its place in a task queue, where one is asked for.
    pub dispatch: Option<Box<Dispatch>>,
}

impl ActivityOptions {
    /// 60 s for an attempt, [`RetryPolicy::DEFAULT`], 30 s to end when asked to, and no other
    /// limit.
    pub const DEFAULT: Self = Self {
        start_to_close_ms: 60_000,
        retry: RetryPolicy::DEFAULT,
        schedule_to_close_ms: None,
        schedule_to_start_ms: None,
        heartbeat_ms: None,
        cancel_grace_ms: 30_000,
        transaction: false,
        dispatch: None,
    };
}
