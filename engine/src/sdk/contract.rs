//! Names with the types that go in and out: what workflows, workers and clients share.
//!
//! Invariant: a constant is only a name and its options. Renaming a function changes nothing that
//! is stored.

use std::marker::PhantomData;
use std::time::Duration;

use super::ActivityError;
use super::call_options::{CallOptions, millis};
use crate::kernel::{ActivityOptions, RetryPolicy};
use crate::queue::Priority;

/// A workflow type: takes an `I`, returns an `O`.
pub struct Workflow<I, O> {
    name: &'static str,
    types: PhantomData<fn(I) -> O>,
}

/// An activity type: takes an `I`, returns an `O`.
pub struct Activity<I, O> {
    name: &'static str,
    options: CallOptions,
    blocking: bool,
    types: PhantomData<fn(I) -> O>,
}

/// A transaction type: a pure function from an `I` and the application's rows to an `O` and writes
/// that commit with it, exactly once.
pub struct Transaction<I, O> {
    name: &'static str,
    retry: Option<Retry>,
    known_or_failed: bool,
    types: PhantomData<fn(I) -> O>,
}

/// A signal that carries a `T`.
pub struct Signal<T> {
    name: &'static str,
    types: PhantomData<fn(T)>,
}

/// A request that a workflow takes and answers: carries an `A`, answered with an `R`.
pub struct Update<A, R> {
    name: &'static str,
    types: PhantomData<fn(A) -> R>,
}

/// State that a workflow publishes under a name; asked with an `A`, answered with a `T`.
pub struct Query<A, T> {
    name: &'static str,
    types: PhantomData<fn(A) -> T>,
}

/// How a failed activity is tried again, as a constant. Starts from
/// [`RetryPolicy::DEFAULT`].
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    initial_interval: Duration,
    backoff_coefficient: f64,
    max_interval: Duration,
    max_attempts: Option<u32>,
    jitter_percent: u8,
    non_retryable: &'static [&'static str],
}

// Derives would ask `I: Copy` of types that are only named.
impl<I, O> Clone for Workflow<I, O> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<I, O> Copy for Workflow<I, O> {}
impl<I, O> Clone for Activity<I, O> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<I, O> Copy for Activity<I, O> {}
impl<I, O> Clone for Transaction<I, O> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<I, O> Copy for Transaction<I, O> {}
impl<T> Clone for Signal<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Signal<T> {}
impl<A, R> Clone for Update<A, R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<A, R> Copy for Update<A, R> {}
impl<A, T> Clone for Query<A, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<A, T> Copy for Query<A, T> {}

impl<I, O> Workflow<I, O> {
    /// The workflow type `name`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// The durable name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<I, O> Activity<I, O> {
    /// The activity type `name`, with the default options.
    pub const fn new(name: &'static str) -> Self {
        Self { name, options: CallOptions::DEFAULT, blocking: false, types: PhantomData }
    }

    /// How long one attempt may take (start-to-close). 60 s where nothing is said.
    #[must_use]
    pub const fn timeout(mut self, start_to_close: Duration) -> Self {
        self.options.start_to_close = Some(start_to_close);
        self
    }

    /// How long all attempts and the pauses between them may take. No limit where nothing is said.
    #[must_use]
    pub const fn schedule_to_close(mut self, limit: Duration) -> Self {
        self.options.schedule_to_close = Some(limit);
        self
    }

    /// How long it may wait for an attempt to start. No limit where nothing is said.
    #[must_use]
    pub const fn schedule_to_start(mut self, limit: Duration) -> Self {
        self.options.schedule_to_start = Some(limit);
        self
    }

    /// How long an attempt may go on without a heartbeat before it counts as dead. No limit where
    /// nothing is said.
    #[must_use]
    pub const fn heartbeat_timeout(mut self, limit: Duration) -> Self {
        self.options.heartbeat = Some(limit);
        self
    }

    /// How long an attempt may take to end once it is asked to; then it is given up. 30 s where
    /// nothing is said.
    #[must_use]
    pub const fn cancel_grace(mut self, grace: Duration) -> Self {
        self.options.cancel_grace = Some(grace);
        self
    }

    /// How failed attempts are retried.
    #[must_use]
    pub const fn retry(mut self, retry: Retry) -> Self {
        self.options.retry = Some(retry);
        self
    }

    /// The task queue that its attempts go through; none where nothing is said.
    #[must_use]
    pub const fn queue(mut self, name: &'static str) -> Self {
        self.options.queue = Some(name);
        self
    }

    /// Whose turn comes first in its queue.
    #[must_use]
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.options.priority = Some(priority);
        self
    }

    /// Declares that it blocks its thread or computes for long: it gets a thread of its own.
    #[must_use]
    pub const fn blocking(mut self) -> Self {
        self.blocking = true;
        self
    }

    /// The durable name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn is_blocking(&self) -> bool {
        self.blocking
    }

    /// The options to journal; none when they are the defaults.
    pub(crate) fn options(&self) -> Option<Box<ActivityOptions>> {
        self.options.journaled()
    }
}

impl<I, O> Transaction<I, O> {
    /// How a refused assertion is tried again: at once at first, for a few seconds in all.
    const AGAIN: Retry = Retry::DEFAULT
        .initial_interval(Duration::from_millis(10))
        .max_interval(Duration::from_secs(1))
        .max_attempts(10);

    /// The transaction type `name`. A refused assertion is tried again a few times; an error that
    /// the code returns is final.
    pub const fn new(name: &'static str) -> Self {
        Self { name, retry: None, known_or_failed: false, types: PhantomData }
    }

    /// Fails for good, with [`ActivityError::UNKNOWN_TYPE`], where the worker registers no such
    /// transaction. Without this it is tried again, since a deploy may bring it.
    #[must_use]
    pub const fn known_or_failed(mut self) -> Self {
        self.known_or_failed = true;
        self
    }

    /// How refused assertions and errors that the code returns are tried again.
    #[must_use]
    pub const fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// The durable name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn retries_errors(&self) -> bool {
        self.retry.is_some()
    }

    pub(crate) fn options(&self) -> Box<ActivityOptions> {
        let mut retry = self.retry.unwrap_or(Self::AGAIN).policy();
        if self.known_or_failed {
            retry.non_retryable.push(ActivityError::UNKNOWN_TYPE.to_owned());
        }
        Box::new(ActivityOptions { retry, transaction: true, ..ActivityOptions::DEFAULT })
    }
}

impl<T> Signal<T> {
    /// The signal `name`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// The durable name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<A, R> Update<A, R> {
    /// The update `name`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// The durable name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<A, T> Query<A, T> {
    /// The query `name`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// The durable name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl Retry {
    /// The defaults: 1 s, factor 2, at most 60 s, ± 20 %, no limit.
    pub const DEFAULT: Self = Self {
        initial_interval: Duration::from_secs(1),
        backoff_coefficient: 2.0,
        max_interval: Duration::from_secs(60),
        max_attempts: None,
        jitter_percent: 20,
        non_retryable: &[],
    };

    /// One attempt, no retry.
    pub const NEVER: Self = Self::DEFAULT.max_attempts(1);

    /// The pause before the second attempt.
    #[must_use]
    pub const fn initial_interval(mut self, interval: Duration) -> Self {
        self.initial_interval = interval;
        self
    }

    /// The factor from one pause to the next.
    #[must_use]
    pub const fn backoff_coefficient(mut self, factor: f64) -> Self {
        self.backoff_coefficient = factor;
        self
    }

    /// The longest pause.
    #[must_use]
    pub const fn max_interval(mut self, interval: Duration) -> Self {
        self.max_interval = interval;
        self
    }

    /// The last attempt there will be, counted from 1.
    #[must_use]
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// How far each pause may deviate, in percent.
    #[must_use]
    pub const fn jitter_percent(mut self, percent: u8) -> Self {
        self.jitter_percent = percent;
        self
    }

    /// Failure types that are final.
    #[must_use]
    pub const fn non_retryable(mut self, kinds: &'static [&'static str]) -> Self {
        self.non_retryable = kinds;
        self
    }

    pub(crate) fn policy(&self) -> RetryPolicy {
        RetryPolicy {
            initial_interval_ms: millis(self.initial_interval),
            backoff_coefficient: self.backoff_coefficient,
            max_interval_ms: millis(self.max_interval),
            max_attempts: self.max_attempts,
            jitter_percent: self.jitter_percent,
            non_retryable: self.non_retryable.iter().map(|&kind| kind.to_owned()).collect(),
        }
    }
}
