//! The stage: one engine after the other over the same rows, and a clock that skips.
//!
//! Invariant: every request carries a key or an id, so that one whose answer a crash swallowed is
//! sent again and happens once.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use everstep_storage::{MemoryStore, Store};

use super::crash_store::{CrashStore, Death};
use super::scenario::{Scenario, Stimulus, StimulusKind, TestError};
use crate::runtime::{Clock, Engine, EngineConfig};
use crate::sdk::Registry;
use crate::{ExportedRun, Payload, Rejection, RunResult, Selector, StartRequest, Timestamp};

/// 2026-01-01T00:00:00Z.
pub(super) const BEGINNING: Timestamp = Timestamp::from_millis(1_767_225_600_000);
/// Steps of the clock without an event before a run is given up: retries of failed code go on for
/// ever.
const IDLE_STEPS: u32 = 1_000;

pub(super) struct Stage {
    runtime: tokio::runtime::Runtime,
    registry: Arc<Registry>,
    rows: Arc<MemoryStore>,
    store: Arc<CrashStore>,
    clock: Clock,
    engine: Engine,
    start: StartRequest,
    stimuli: std::vec::IntoIter<Stimulus>,
    hanging: Arc<AtomicUsize>,
    at_most: Duration,
    crashed_at: Option<u64>,
}

/// How it ended.
pub(super) struct Ended {
    pub(super) result: RunResult,
    pub(super) run: ExportedRun,
    pub(super) published: std::collections::BTreeMap<String, Payload>,
}

impl Stage {
    pub(super) fn set<O>(scenario: Scenario<O>, death: Death) -> Result<Self, TestError> {
        let engine_error = |error: &dyn std::fmt::Display| TestError::Engine(error.to_string());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| engine_error(&error))?;
        let rows = Arc::new(MemoryStore::new());
        let registry = Arc::new(scenario.worker.into_registry());
        let clock = Clock::staged(BEGINNING);
        let (store, engine) = open(&rows, &registry, &clock, &runtime)?;
        store.arm(death);
        Ok(Self {
            runtime,
            registry,
            rows,
            store,
            clock,
            engine,
            start: scenario.start?,
            stimuli: scenario.stimuli.into_iter(),
            hanging: scenario.hanging,
            at_most: scenario.at_most,
            crashed_at: None,
        })
    }

    pub(super) const fn crashed_at(&self) -> Option<u64> {
        self.crashed_at
    }

    pub(super) fn clear(self) {
        self.runtime.block_on(self.engine.drain(Duration::ZERO));
        self.runtime.shutdown_background();
    }

    pub(super) fn play(&mut self) -> Result<Ended, TestError> {
        let request = self.start.clone();
        let started = self.insist(&async |engine| engine.start(request.clone()).await)?;
        let selector = Selector::newest(started.workflow_id);
        let mut next = self.stimuli.next();
        let (mut idle, mut length) = (0, 0);
        let end = BEGINNING + self.at_most;
        loop {
            let due = next.as_ref().map(|stimulus| BEGINNING + stimulus.after);
            let until = due.unwrap_or(end).min(end);
            let hanging = Arc::clone(&self.hanging);
            let moved =
                self.insist(&async |engine| engine.skip(until, Arc::clone(&hanging)).await)?;
            let result =
                self.insist(&async |engine| engine.result(&selector, Duration::ZERO).await)?;
            if result.status.is_closed() {
                return self.ended(&selector, result);
            }
            if let Some(stimulus) = next.take_if(|_| !moved) {
                self.send(&selector, &stimulus)?;
                next = self.stimuli.next();
                continue;
            }
            if !moved {
                return Err(self.gave_up(&selector, end)?);
            }
            let now = self.engine.stats().events;
            idle = if now == length { idle + 1 } else { 0 };
            length = now;
            if idle > IDLE_STEPS {
                return Err(self.gave_up(&selector, end)?);
            }
        }
    }

    /// Why the run is open and will stay so.
    fn gave_up(&mut self, selector: &Selector, end: Timestamp) -> Result<TestError, TestError> {
        let run = self.engine.describe(selector)?;
        Ok(match run.task_failure {
            Some(failure) => TestError::TaskFailed(failure.message),
            None if self.engine.now() >= end && !run.pending_timers.is_empty() => {
                TestError::TooLong(self.at_most)
            }
            None => TestError::Stalled(run.waiting_for),
        })
    }

    fn send(&mut self, selector: &Selector, stimulus: &Stimulus) -> Result<(), TestError> {
        let key = format!("{:?}", stimulus.after);
        let sent = match &stimulus.kind {
            StimulusKind::Signal(signal) => self.insist(&async |engine| {
                let key = format!("{key} {} {}", signal.name, signal.payload);
                engine.signal(selector, signal.clone(), Some(key)).await
            }),
            StimulusKind::Cancel => self.insist(&async |engine| engine.cancel(selector).await),
        };
        match sent {
            // A run that ends at the same moment takes no more: as it would in the world.
            Err(Rejection::WorkflowClosed(..)) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Asks until the answer is not swallowed by a crash.
    fn insist<T>(
        &mut self,
        ask: &impl AsyncFn(&Engine) -> Result<T, Rejection>,
    ) -> Result<T, Rejection> {
        loop {
            let answer = self.runtime.block_on(ask(&self.engine));
            match answer {
                Err(_) if self.store.has_crashed() && self.crashed_at.is_none() => {
                    self.runtime.block_on(self.engine.stopped());
                    self.crashed_at = Some(self.recorded_events());
                    let reopened = open(&self.rows, &self.registry, &self.clock, &self.runtime);
                    let (store, engine) =
                        reopened.map_err(|error| Rejection::Unavailable(error.to_string()))?;
                    (self.store, self.engine) = (store, engine);
                }
                answer => return answer,
            }
        }
    }

    /// Events of the run that survived.
    fn recorded_events(&self) -> u64 {
        let Some(id) = &self.start.workflow_id else { return 0 };
        self.engine.export(&Selector::newest(id), 1).map_or(0, |run| run.history_length)
    }

    fn ended(&mut self, selector: &Selector, result: RunResult) -> Result<Ended, TestError> {
        let run = self.engine.export(selector, 1)?;
        let published = self.engine.published(selector)?;
        Ok(Ended { result, run, published })
    }
}

fn open(
    rows: &Arc<MemoryStore>,
    registry: &Arc<Registry>,
    clock: &Clock,
    runtime: &tokio::runtime::Runtime,
) -> Result<(Arc<CrashStore>, Engine), TestError> {
    let store = Arc::new(CrashStore::over(Arc::clone(rows)));
    let config = EngineConfig { clock: clock.clone(), ..EngineConfig::default() };
    let handle = runtime.handle().clone();
    let shared: Arc<dyn Store> = Arc::clone(&store) as _;
    let engine = Engine::open_registry(shared, Arc::clone(registry), config, handle)
        .map_err(|error| TestError::Engine(error.to_string()))?;
    Ok((store, engine))
}
