//! A run that was played to its end, as tests look at it.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::commands::command;
use super::play::Ended;
use super::scenario::TestError;
use crate::{Activity, ExportedRun, Failure, HistoryEvent, Payload, Query, RunResult, RunStatus};

/// What came of a scenario.
#[derive(Debug)]
pub struct Played<O> {
    pub(super) result: RunResult,
    pub(super) published: BTreeMap<String, Payload>,
    run: ExportedRun,
    output: PhantomData<fn() -> O>,
}

impl<O> Played<O> {
    pub(super) fn new(ended: Ended) -> Self {
        let Ended { result, run, published } = ended;
        Self { result, published, run, output: PhantomData }
    }

    /// How the run ended.
    pub const fn status(&self) -> RunStatus {
        self.result.status
    }

    /// Why it failed.
    pub const fn failure(&self) -> Option<&Failure> {
        self.result.failure.as_ref()
    }

    /// What the workflow returned.
    ///
    /// # Errors
    /// When it did not complete.
    pub fn output(&self) -> Result<O, TestError>
    where
        O: DeserializeOwned,
    {
        match (&self.result.result, self.result.status) {
            (Some(result), RunStatus::Completed) => Ok(result.to()?),
            (_, status) => {
                Err(TestError::NotCompleted { status, failure: self.result.failure.clone() })
            }
        }
    }

    /// What it published last under a name.
    ///
    /// # Errors
    /// When it published nothing, or something of another shape.
    pub fn query<A, T: DeserializeOwned>(&self, query: Query<A, T>) -> Result<T, TestError> {
        let published = self.published.get(query.name());
        let published =
            published.ok_or_else(|| TestError::NotPublished(query.name().to_owned()))?;
        Ok(published.to()?)
    }

    /// What its code asked for, in order: `activity charge`, `timer 1000 ms`, `patch v2`, …
    pub fn commands(&self) -> Vec<String> {
        self.run.events.iter().filter_map(command).collect()
    }

    /// What an activity was called with, call by call; attempts of one call count once.
    ///
    /// # Errors
    /// When an input has another shape.
    pub fn inputs<I: DeserializeOwned, T>(
        &self,
        activity: Activity<I, T>,
    ) -> Result<Vec<I>, TestError> {
        let inputs = self.run.events.iter().filter_map(|recorded| match &recorded.event {
            HistoryEvent::ActivityScheduled { activity_type, input, .. }
                if **activity_type == *activity.name() =>
            {
                Some(input.to())
            }
            _ => None,
        });
        Ok(inputs.collect::<Result<_, _>>()?)
    }

    /// The timers that it started, by their length.
    pub fn timers(&self) -> Vec<Duration> {
        let timers = self.run.events.iter().filter_map(|recorded| match &recorded.event {
            HistoryEvent::TimerStarted { fires_at, .. } => {
                Some(Duration::from_millis(fires_at.millis_since(recorded.at)))
            }
            _ => None,
        });
        timers.collect()
    }

    /// How long it took on its clock.
    pub fn lasted(&self) -> Duration {
        let at = |recorded: Option<&crate::kernel::Recorded>| recorded.map(|one| one.at);
        match (at(self.run.events.first()), at(self.run.events.last())) {
            (Some(first), Some(last)) => Duration::from_millis(last.millis_since(first)),
            _ => Duration::ZERO,
        }
    }

    /// The run with its history, to be looked at, kept in a file or replayed.
    pub const fn run(&self) -> &ExportedRun {
        &self.run
    }
}
