//! What is measured: the engine in this process, or a server over HTTP.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use everstep_storage::{EmbeddedConfig, EmbeddedStore};

use super::error::BenchError;
use super::workflows::{Job, worker};
use crate::client::Client;
use crate::{Engine, EngineConfig, RunResult, RunStatus, Selector, SignalInput, StartRequest};

/// No cycle takes that long; one that does has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the applier is asked how far it is.
const DRAIN_POLL: Duration = Duration::from_millis(5);
/// How long it may take to catch up.
const DRAIN_PATIENCE: Duration = Duration::from_secs(300);

/// Who does the work.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// An engine in this process.
    Engine(Engine),
    /// A server.
    Server(Client),
}

fn request(job: &Job) -> StartRequest {
    StartRequest::new(job.workflow_type, job.input.clone())
}

/// The result of a run that should have completed.
fn completed(result: &RunResult) -> Result<(), BenchError> {
    if result.status == RunStatus::Completed {
        return Ok(());
    }
    let why = match &result.failure {
        Some(failure) => format!("{}: {}", failure.kind, failure.message),
        None if !result.status.is_closed() => format!("no result within {} s", PATIENCE.as_secs()),
        None => "without a failure".to_owned(),
    };
    Err(BenchError::Ended { status: result.status, why })
}

impl Subject {
    /// Opens an engine with the benchmark's worker over the store in `dir`.
    pub(super) fn open(
        dir: &Path,
        runtime: &tokio::runtime::Handle,
        memory_budget_bytes: u64,
    ) -> Result<Self, BenchError> {
        let store = EmbeddedStore::open(dir, EmbeddedConfig::default())?;
        let config = EngineConfig { memory_budget_bytes, ..EngineConfig::default() };
        let engine = Engine::open(Arc::new(store), worker(), config, runtime.clone())?;
        Ok(Self::Engine(engine))
    }

    /// The job that waits for a signal.
    pub(super) fn waiting_job(&self) -> Job {
        match self {
            Self::Engine(_) => Job::signal_wait(),
            Self::Server(_) => Job::accumulate(),
        }
    }

    /// Starts a workflow and awaits its result; answers what that took.
    pub(super) async fn complete(&self, job: &Job) -> Result<Duration, BenchError> {
        let from = Instant::now();
        match self {
            Self::Engine(engine) => {
                let mut watch = engine.start_watched(request(job)).await?;
                completed(&watch.result(PATIENCE).await)?;
            }
            Self::Server(client) => {
                let answer = client.start_and_wait(&request(job), PATIENCE).await?;
                let status = answer.status.unwrap_or(RunStatus::Running);
                completed(&RunResult { failure: answer.failure, ..RunResult::open(status) })?;
            }
        }
        Ok(from.elapsed())
    }

    /// Starts a workflow and awaits no more than the acknowledgement.
    pub(super) async fn start(&self, job: &Job) -> Result<Duration, BenchError> {
        let from = Instant::now();
        match self {
            Self::Engine(engine) => drop(engine.start(request(job)).await?),
            Self::Server(client) => drop(client.start(&request(job)).await?),
        }
        Ok(from.elapsed())
    }

    /// Starts a workflow that waits for a signal, sends it and awaits the result; answers what it
    /// took from sending to result.
    pub(super) async fn signal(&self, job: &Job) -> Result<Duration, BenchError> {
        let (name, payload) = &job.signal;
        let signal = SignalInput { name: (*name).to_owned(), payload: payload.clone() };
        match self {
            Self::Engine(engine) => {
                let mut watch = engine.start_watched(request(job)).await?;
                let started = watch.started();
                let selector = Selector {
                    run_id: Some(started.run_id),
                    ..Selector::newest(started.workflow_id.clone())
                };
                let from = Instant::now();
                engine.signal(&selector, signal, None).await?;
                completed(&watch.result(PATIENCE).await)?;
                Ok(from.elapsed())
            }
            Self::Server(client) => {
                let started = client.start(&request(job)).await?;
                let selector = Selector {
                    run_id: Some(started.run_id),
                    ..Selector::newest(started.workflow_id)
                };
                let from = Instant::now();
                client.signal(&selector, &signal, None).await?;
                completed(&client.result(&selector, PATIENCE).await?)?;
                Ok(from.elapsed())
            }
        }
    }

    /// Waits until the store has applied everything that was acknowledged by now; answers how long
    /// that took, or nothing where a server does not tell.
    pub(super) async fn drained(&self) -> Result<Option<Duration>, BenchError> {
        let from = Instant::now();
        let mut target = None;
        loop {
            let Some((sequence, applied)) = self.progress().await? else { return Ok(None) };
            let target = *target.get_or_insert(sequence);
            if applied >= target {
                return Ok(Some(from.elapsed()));
            }
            if from.elapsed() > DRAIN_PATIENCE {
                return Err(BenchError::Failed(format!(
                    "the store has applied {applied} of {target} batches after {} s",
                    DRAIN_PATIENCE.as_secs()
                )));
            }
            tokio::time::sleep(DRAIN_POLL).await;
        }
    }

    /// The newest durable batch and the newest applied one.
    async fn progress(&self) -> Result<Option<(u64, u64)>, BenchError> {
        match self {
            Self::Engine(engine) => {
                let stats = engine.store().stats();
                Ok(Some((stats.sequence, stats.applied_sequence)))
            }
            Self::Server(client) => {
                let metrics = client.metrics().await?;
                let gauge = |name: &str| metrics.get(name).map(|value| *value as u64);
                let sequence = gauge("everstep_store_sequence");
                Ok(sequence.zip(gauge("everstep_store_applied_sequence")))
            }
        }
    }

    /// The server's resident memory in bytes, where it tells.
    pub(super) async fn resident_bytes(&self) -> Result<Option<u64>, BenchError> {
        match self {
            Self::Engine(_) => Ok(super::process::resident_bytes().map(|(now, _)| now)),
            Self::Server(client) => {
                let metrics = client.metrics().await?;
                Ok(metrics.get("process_resident_memory_bytes").map(|bytes| *bytes as u64))
            }
        }
    }

    /// Ends an engine of ours.
    pub(super) async fn close(self) {
        if let Self::Engine(engine) = self {
            engine.drain(Duration::from_secs(10)).await;
        }
    }
}
