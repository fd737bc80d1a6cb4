//! A process with everything that runs in it, told from outside what to do: several runs,
//! transactions, subscribers, services beside the engine.
//!
//! Invariant: what the closures capture is the world, which survives a crash; what they make is the
//! process, which does not.

use std::collections::BTreeSet;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::{Engine, Worker};

/// What a step of a story came to: anything that can fail may be asked with `?`.
pub type Told<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What a step came to, or why it failed.
pub(super) type Answer<T> = Pin<Box<dyn Future<Output = Result<T, String>>>>;
/// Something that is asked of a process.
pub(super) type Ask<S, T> = Box<dyn Fn(Arc<S>) -> Answer<T>>;

/// One thing after the other.
pub(super) enum Step<S> {
    /// Somebody wants something.
    Act(Ask<S, ()>),
    /// The process has its time until this holds.
    Until(Ask<S, bool>),
    /// So long on its clock.
    Wait(Duration),
}

/// What a process is asked for, step after step, to be told with a crash at each of its commits:
/// see [`explore_story`](super::explore_story). `S` is what runs in the process: the engine, and
/// what is opened [`beside`](Self::beside) it.
///
/// Its clock begins at 2026-01-01T00:00:00Z. While a step waits and nothing moves, the clock goes
/// on by itself: from due instant to due instant, and in growing strides where none is near.
#[must_use = "nothing happens before it is explored"]
pub struct Story<S = Engine> {
    pub(super) worker: Box<dyn Fn() -> Worker>,
    pub(super) open: Box<dyn Fn(&Engine) -> S>,
    pub(super) steps: Vec<Step<S>>,
    pub(super) outcome: Ask<S, String>,
    pub(super) allowed: BTreeSet<String>,
}

impl Story {
    /// A process with this worker, which is made anew with each process: what it keeps in memory is
    /// lost with it.
    pub fn new(worker: impl Fn() -> Worker + 'static) -> Self {
        Self {
            worker: Box::new(worker),
            open: Box::new(Engine::clone),
            steps: Vec::new(),
            outcome: Box::new(|_| Box::pin(std::future::ready(Ok(String::new())))),
            allowed: BTreeSet::new(),
        }
    }

    /// What runs beside the engine: opened with each process, inside its runtime, and dropped when it
    /// dies. Say it first; keep the engine in it where a step needs it.
    pub fn beside<S>(self, open: impl Fn(&Engine) -> S + 'static) -> Story<S> {
        Story {
            worker: self.worker,
            open: Box::new(open),
            steps: Vec::new(),
            outcome: Box::new(|_| Box::pin(std::future::ready(Ok(String::new())))),
            allowed: self.allowed,
        }
    }
}

impl<S: 'static> Story<S> {
    /// Somebody wants something. It is asked again of the next process when a crash swallowed the
    /// answer, as a caller would: give it a key or an id.
    pub fn act<R>(mut self, act: impl Fn(Arc<S>) -> R + 'static) -> Self
    where
        R: Future<Output = Told<()>> + 'static,
    {
        self.steps.push(Step::Act(asks(act)));
        self
    }

    /// The process has its time until this holds.
    pub fn until<R>(mut self, holds: impl Fn(Arc<S>) -> R + 'static) -> Self
    where
        R: Future<Output = Told<bool>> + 'static,
    {
        self.steps.push(Step::Until(asks(holds)));
        self
    }

    /// So much time passes on its clock, from due instant to due instant.
    pub fn wait(mut self, time: Duration) -> Self {
        self.steps.push(Step::Wait(time));
        self
    }

    /// What came of it, in words: what must be the same each time.
    pub fn outcome<R>(mut self, outcome: impl Fn(Arc<S>) -> R + 'static) -> Self
    where
        R: Future<Output = Told<String>> + 'static,
    {
        self.outcome = asks(outcome);
        self
    }

    /// Another outcome that is as good: a crash may cost time, and with it a deadline.
    pub fn allows(mut self, outcome: impl Into<String>) -> Self {
        self.allowed.insert(outcome.into());
        self
    }
}

fn asks<S, T: 'static, R>(ask: impl Fn(Arc<S>) -> R + 'static) -> Ask<S, T>
where
    R: Future<Output = Told<T>> + 'static,
{
    Box::new(move |process| {
        let asking = ask(process);
        Box::pin(async { asking.await.map_err(|error| error.to_string()) })
    })
}
