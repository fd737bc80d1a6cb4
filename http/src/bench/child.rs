//! The server that W5 loads, kills and starts again: this program in a process of its own.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::error::BenchError;
use super::process::resident_bytes;
use super::run::clients;
use super::sleepers::start_all;
use super::subject::Subject;
use super::workflows::Job;
use crate::cli::{CliError, print_json, runtime};

/// With the store's own 64 MiB the caches are 128 MiB in all.
const MEMORY_BUDGET_BYTES: u64 = 64 << 20;

/// The flags of the hidden command; not for people.
#[derive(Clone, Debug, clap::Args)]
pub struct SleepersArgs {
    /// The data directory.
    #[arg(long)]
    data: PathBuf,
    /// Start so many sleepers, say how long it took, and go on starting more until killed.
    #[arg(long)]
    load: Option<u64>,
    /// Starts in flight.
    #[arg(long, default_value_t = 512)]
    concurrency: usize,
}

/// What the process is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    /// Start sleepers until killed.
    Load { count: u64, concurrency: usize },
    /// Open and answer one new workflow.
    Answer,
}

impl Phase {
    pub(super) fn arguments(self) -> Vec<String> {
        match self {
            Self::Load { count, concurrency } => {
                let (count, concurrency) = (count.to_string(), concurrency.to_string());
                vec!["--load".to_owned(), count, "--concurrency".to_owned(), concurrency]
            }
            Self::Answer => Vec::new(),
        }
    }
}

/// What a loaded server prints.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Loaded {
    pub(super) elapsed_ms: f64,
    pub(super) drained_ms: f64,
    pub(super) resident_before: u64,
    pub(super) resident_after: u64,
    pub(super) resident_peak: u64,
}

/// What a restarted server prints.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answered {
    pub(super) opened_ms: f64,
    pub(super) resident: u64,
}

impl SleepersArgs {
    /// Runs until killed, or until nobody holds its standard input any more.
    pub(crate) fn run(&self) -> ExitCode {
        let done = runtime().and_then(|runtime| {
            let served =
                clients().and_then(|clients| clients.block_on(self.serve(runtime.handle())));
            served.map_err(|error| CliError::Failed(error.to_string()))
        });
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => error.report(false),
        }
    }

    async fn serve(&self, runtime: &tokio::runtime::Handle) -> Result<(), BenchError> {
        let said = |error: CliError| BenchError::Failed(error.to_string());
        match self.load {
            Some(count) => {
                let (subject, loaded) = load(&self.data, runtime, count, self.concurrency).await?;
                print_json(&loaded).map_err(said)?;
                let more = start_all(&subject, u64::MAX, self.concurrency);
                tokio::select! {
                    ended = more => ended.map(drop),
                    () = nobody_left() => Ok(()),
                }
            }
            None => {
                let from = Instant::now();
                let subject = Subject::open(&self.data, runtime, MEMORY_BUDGET_BYTES)?;
                let opened_ms = from.elapsed().as_secs_f64() * 1000.0;
                subject.complete(&Job::chain(1)).await?;
                let resident = resident_bytes().unwrap_or_default().0;
                print_json(&Answered { opened_ms, resident }).map_err(said)?;
                nobody_left().await;
                Ok(())
            }
        }
    }
}

async fn load(
    dir: &Path,
    runtime: &tokio::runtime::Handle,
    count: u64,
    concurrency: usize,
) -> Result<(Subject, Loaded), BenchError> {
    let subject = Subject::open(dir, runtime, MEMORY_BUDGET_BYTES)?;
    // What the first request allocates is not the sleepers'.
    subject.complete(&Job::chain(1)).await?;
    let (resident_before, _) = resident_bytes().unwrap_or_default();
    let elapsed = start_all(&subject, count, concurrency).await?;
    let drained = subject.drained().await?.unwrap_or_default();
    let (resident_after, resident_peak) = resident_bytes().unwrap_or_default();
    let loaded = Loaded {
        elapsed_ms: elapsed.as_secs_f64() * 1000.0,
        drained_ms: drained.as_secs_f64() * 1000.0,
        resident_before,
        resident_after,
        resident_peak,
    };
    Ok((subject, loaded))
}

/// Returns when standard input ends: whoever started this process is gone.
async fn nobody_left() {
    let read = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
    tracing::debug!(?read, "standard input ended");
}
