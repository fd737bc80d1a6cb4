//! Tells a story: one process after the other over the same rows and the same clock.
//!
//! Invariant: nothing of a process outlives it: its loop has ended, its tasks are dropped with their
//! runtime, and the next one has a worker of its own.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use everstep_storage::{MemoryStore, Store};
use tokio::runtime::Runtime;

use super::crash_store::{CrashStore, Death};
use super::play::BEGINNING;
use super::story::{Ask, Step, Story};
use crate::runtime::{Clock, EngineConfig};
use crate::{Engine, ExportQuery, ExportedRun};

/// How long nothing has to move before time does: longer than whatever runs beside the engine takes
/// to see a commit.
const STILL: Duration = Duration::from_millis(25);
/// How far the clock goes on first, where nothing is due before; it doubles until something moves.
const STRIDE_MS: u64 = 1_000;
/// The longest stride.
const LONGEST_STRIDE_MS: u64 = 366 * 24 * 3600 * 1_000;
/// How long one step may take on the machine's clock.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a dead process's blocking work is waited for.
const LAST_BREATH: Duration = Duration::from_secs(5);
/// Runs that are read at once.
const PAGE: usize = 100;

/// A process that lives.
struct Process<S> {
    runtime: Runtime,
    store: Arc<CrashStore>,
    engine: Engine,
    parts: Arc<S>,
}

pub(super) struct Teller<S> {
    story: Rc<Story<S>>,
    rows: Arc<MemoryStore>,
    clock: Clock,
    process: Option<Process<S>>,
    pub(super) crashed: bool,
}

impl<S: 'static> Teller<S> {
    /// Opens the first process, which dies then.
    pub(super) fn begin(story: Rc<Story<S>>, death: Death) -> Result<Self, String> {
        let (rows, clock) = (Arc::new(MemoryStore::new()), Clock::staged(BEGINNING));
        let process = Some(open(&story, &rows, &clock, death)?);
        Ok(Self { story, rows, clock, process, crashed: false })
    }

    /// Goes through every step; what came of it, and every run that there is.
    pub(super) fn tell(&mut self) -> Result<(String, Vec<ExportedRun>), String> {
        let story = Rc::clone(&self.story);
        for (number, step) in story.steps.iter().enumerate() {
            let told = match step {
                Step::Act(act) => self.ask(act),
                Step::Until(holds) => self.wait_until(holds),
                Step::Wait(time) => self.pass(*time),
            };
            told.map_err(|error| format!("step {}: {error}", number + 1))?;
        }
        let outcome = self.ask(&story.outcome).map_err(|error| format!("outcome: {error}"))?;
        Ok((outcome, self.runs()?))
    }

    /// Ends the last process.
    pub(super) fn clear(mut self) {
        if let Some(Process { runtime, engine, parts, .. }) = self.process.take() {
            runtime.block_on(engine.drain(Duration::ZERO));
            end(runtime, parts);
        }
    }

    fn process(&self) -> Result<&Process<S>, String> {
        self.process.as_ref().ok_or_else(|| "the process could not be opened again".to_owned())
    }

    /// Asks until the answer is not swallowed by a crash.
    fn ask<T>(&mut self, ask: &Ask<S, T>) -> Result<T, String> {
        loop {
            let process = self.process()?;
            let answer = process.runtime.block_on(async {
                tokio::select! {
                    answer = tokio::time::timeout(PATIENCE, ask(Arc::clone(&process.parts))) => Some(answer),
                    _ = process.engine.stopped() => None,
                }
            });
            match answer {
                Some(Ok(Ok(answer))) => return Ok(answer),
                _ if self.has_died()? => {}
                Some(Ok(Err(error))) => return Err(error),
                Some(Err(_)) => return Err(format!("no answer in {} s", PATIENCE.as_secs())),
                None => return Err("the engine has stopped by itself".to_owned()),
            }
        }
    }

    fn wait_until(&mut self, holds: &Ask<S, bool>) -> Result<(), String> {
        let begun = Instant::now();
        let mut stride_ms = STRIDE_MS;
        loop {
            // Before it is looked, so that nothing that comes meanwhile is missed.
            let mut news = self.process()?.engine.changes();
            if self.ask(holds)? {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("not within {} s", PATIENCE.as_secs()));
            }
            let process = self.process()?;
            let moves = process
                .runtime
                .block_on(async { tokio::time::timeout(STILL, news.recv()).await.is_ok() });
            if self.has_died()? || moves {
                stride_ms = STRIDE_MS;
                continue;
            }
            self.stride(Duration::from_millis(stride_ms))?;
            stride_ms = (stride_ms * 2).min(LONGEST_STRIDE_MS);
        }
    }

    fn pass(&mut self, time: Duration) -> Result<(), String> {
        let end = self.clock.now() + time;
        let begun = Instant::now();
        while self.clock.now() < end {
            if begun.elapsed() > PATIENCE {
                return Err(format!("time did not pass within {} s", PATIENCE.as_secs()));
            }
            let left = end.millis_since(self.clock.now());
            self.stride(Duration::from_millis(left))?;
        }
        Ok(())
    }

    /// Time goes on to the next due instant, or by so much where none comes before.
    fn stride(&mut self, time: Duration) -> Result<(), String> {
        let until = self.clock.now() + time;
        let stride = {
            let process = self.process()?;
            process.runtime.block_on(async {
                let skip = process.engine.skip(until, Arc::default());
                tokio::time::timeout(PATIENCE, skip).await
            })
        };
        match stride {
            _ if self.has_died()? => Ok(()),
            Ok(moved) => moved.map(drop).map_err(|rejection| rejection.to_string()),
            Err(_) => Err(format!("something runs for more than {} s", PATIENCE.as_secs())),
        }
    }

    /// Whether the process has died; then there is another one.
    fn has_died(&mut self) -> Result<bool, String> {
        if !self.process()?.store.has_crashed() {
            return Ok(false);
        }
        if let Some(Process { runtime, engine, parts, .. }) = self.process.take() {
            runtime.block_on(engine.stopped());
            drop(engine);
            end(runtime, parts);
        }
        self.crashed = true;
        self.process = Some(open(&self.story, &self.rows, &self.clock, Death::Never)?);
        Ok(true)
    }

    /// Every run, newest first; those of built-in types are left out.
    fn runs(&self) -> Result<Vec<ExportedRun>, String> {
        let engine = &self.process()?.engine;
        let mut runs = Vec::new();
        for open in [true, false] {
            let mut query =
                ExportQuery { open, workflow_type: None, page_size: PAGE, page_token: None };
            loop {
                let page = engine.export_page(&query).map_err(|error| error.to_string())?;
                runs.extend(page.runs);
                match page.next_page_token {
                    Some(token) => query.page_token = Some(token),
                    None => break,
                }
            }
        }
        Ok(runs)
    }
}

/// What runs beside the engine goes first, while there is a runtime to say goodbye in.
fn end<S>(runtime: Runtime, parts: Arc<S>) {
    {
        let _inside = runtime.enter();
        drop(parts);
    }
    runtime.shutdown_timeout(LAST_BREATH);
}

fn open<S>(
    story: &Story<S>,
    rows: &Arc<MemoryStore>,
    clock: &Clock,
    death: Death,
) -> Result<Process<S>, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let store = Arc::new(CrashStore::over(Arc::clone(rows)));
    let config = EngineConfig { clock: clock.clone(), ..EngineConfig::default() };
    let shared: Arc<dyn Store> = Arc::clone(&store) as _;
    let engine = Engine::open(shared, (story.worker)(), config, runtime.handle().clone())
        .map_err(|error| error.to_string())?;
    store.arm(death);
    let parts = {
        let _inside = runtime.enter();
        Arc::new((story.open)(&engine))
    };
    Ok(Process { runtime, store, engine, parts })
}
