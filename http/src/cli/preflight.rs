//! `preflight`: replays the open runs of a server, or of a store that no server has open, against
//! this program's worker, and says what would break.
//!
//! Invariant: nothing is run and nothing changes. Memory holds a few pages of runs, however many
//! there are.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use everstep_storage::{EmbeddedConfig, EmbeddedStore, Store};
use serde::Serialize;

use super::remote::{CliError, print, print_json, runtime};
use super::screen::printable;
use crate::client::Client;
use crate::preflight::{Preflight, PreflightReport, stored_runs};
use crate::{ExportPage, ExportQuery, ExportedRun, Worker};

/// Runs that are asked for at once.
const PAGE: usize = 500;
/// Pages that wait for a thread that replays them.
const PAGES_AHEAD: usize = 4;
/// Time from one word about the progress to the next.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// The flags of `preflight`. A program with flags of its own flattens them into its parser and
/// calls [`preflight`].
#[derive(Clone, Debug, clap::Args)]
pub struct PreflightArgs {
    /// The server whose runs are checked.
    #[arg(long, env = "EVERSTEP_URL", default_value = super::remote::DEFAULT_URL, value_name = "URL")]
    url: String,
    /// The token that says who asks, where the server wants to know.
    #[arg(long, env = "EVERSTEP_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,
    /// Check the runs of this data directory instead; no server may have it open.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    codec: super::codec::CodecArgs,
    /// Only runs of this workflow type.
    #[arg(long = "type", value_name = "TYPE")]
    workflow_type: Option<String>,
    /// How many closed runs to replay as well, newest first.
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    closed: u64,
    /// Fail when a closed run differs, too.
    #[arg(long)]
    strict: bool,
    /// Threads that replay; as many as there are processors where none is said.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'a> {
    safe: bool,
    #[serde(flatten)]
    report: &'a PreflightReport,
    seconds: f64,
    runs_per_second: f64,
}

/// Replays the runs against the worker and reports: exit code 0 when all open ones are safe.
#[must_use]
pub fn preflight(worker: &Worker, args: &PreflightArgs) -> ExitCode {
    args.check(worker).unwrap_or_else(|error| error.report(args.json))
}

impl PreflightArgs {
    fn check(&self, worker: &Worker) -> Result<ExitCode, CliError> {
        let begun = Instant::now();
        let report = self.replay(worker)?;
        let seconds = begun.elapsed().as_secs_f64();
        let checked = report.open.total + report.closed.total;
        let rate = checked as f64 / seconds.max(1e-9);
        let safe = report.is_safe() && (!self.strict || report.closed.broken == 0);
        if self.json {
            print_json(&Answer { safe, report: &report, seconds, runs_per_second: rate.round() })?;
        } else {
            let text = report.to_string();
            let lines: Vec<_> = text.lines().map(printable).collect();
            print(&format!(
                "{}\n\n{checked} runs replayed in {seconds:.1} s, {rate:.0} a second\n",
                lines.join("\n").trim_end()
            ))?;
        }
        Ok(if safe { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// One thread reads pages, the others replay them.
    fn replay(&self, worker: &Worker) -> Result<PreflightReport, CliError> {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = self.threads.unwrap_or_else(processors).max(1);
        let (send, receive) = sync_channel::<Vec<ExportedRun>>(PAGES_AHEAD);
        let (receive, checked) = (Mutex::new(receive), AtomicU64::new(0));
        let mut found = Preflight::new();
        std::thread::scope(|scope| {
            let replaying: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| replay_pages(worker, &receive, &checked)))
                .collect();
            // The sender goes with the reader, and that ends the threads.
            let read = match &self.data {
                Some(data) => self.read_store(data, send, &checked),
                None => self.read_server(send, &checked),
            };
            for thread in replaying {
                match thread.join() {
                    Ok(part) => found.merge(part),
                    Err(_) => return Err(CliError::Failed("a replaying thread panicked".into())),
                }
            }
            read
        })?;
        Ok(found.report())
    }

    fn read_server(
        &self,
        send: SyncSender<Vec<ExportedRun>>,
        checked: &AtomicU64,
    ) -> Result<(), CliError> {
        let mut client = Client::new(&self.url)?;
        if let Some(token) = &self.token {
            client = client.with_token(token)?;
        }
        let runtime = runtime()?;
        self.read(send, checked, |query| Ok(runtime.block_on(client.export_page(query))?))
    }

    fn read_store(
        &self,
        data: &Path,
        send: SyncSender<Vec<ExportedRun>>,
        checked: &AtomicU64,
    ) -> Result<(), CliError> {
        let failed = |error: &dyn std::fmt::Display| {
            CliError::Failed(format!("failed to read {}: {error}", data.display()))
        };
        if !data.is_dir() {
            return Err(failed(&"no such directory"));
        }
        let config = EmbeddedConfig { codec: self.codec.codec(), ..EmbeddedConfig::default() };
        let store = EmbeddedStore::open(data, config).map_err(|error| failed(&error))?;
        let read =
            self.read(send, checked, |query| stored_runs(&store, query).map_err(|e| failed(&e)));
        store.close();
        read
    }

    /// Pages through open runs, and then through some closed ones.
    fn read(
        &self,
        send: SyncSender<Vec<ExportedRun>>,
        checked: &AtomicU64,
        page_of: impl Fn(&ExportQuery) -> Result<ExportPage, CliError>,
    ) -> Result<(), CliError> {
        let mut progress = Progress::new();
        for (open, mut left) in [(true, u64::MAX), (false, self.closed)] {
            let mut query = ExportQuery {
                open,
                workflow_type: self.workflow_type.clone(),
                page_size: PAGE,
                page_token: None,
            };
            while left > 0 {
                query.page_size = PAGE.min(usize::try_from(left).unwrap_or(PAGE));
                let page = page_of(&query)?;
                left -= page.runs.len() as u64;
                if send.send(page.runs).is_err() {
                    // Every thread has ended, which they only do when they panic; join tells.
                    return Ok(());
                }
                progress.tell(checked.load(Ordering::Relaxed));
                query.page_token = page.next_page_token;
                if query.page_token.is_none() {
                    break;
                }
            }
        }
        // Nothing more comes: that ends the threads.
        drop(send);
        Ok(())
    }
}

fn replay_pages(
    worker: &Worker,
    pages: &Mutex<Receiver<Vec<ExportedRun>>>,
    checked: &AtomicU64,
) -> Preflight {
    let mut found = Preflight::new();
    loop {
        // Held while waiting, too: whoever has it takes the next page.
        let page = pages.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(page) = page else { return found };
        for run in &page {
            found.check(worker, run);
            checked.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A word on stderr now and then, for people.
struct Progress {
    begun: Instant,
    told: Instant,
    shown: bool,
}

impl Progress {
    fn new() -> Self {
        let now = Instant::now();
        Self { begun: now, told: now, shown: std::io::stderr().is_terminal() }
    }

    fn tell(&mut self, checked: u64) {
        if !self.shown || self.told.elapsed() < PROGRESS_EVERY {
            return;
        }
        self.told = Instant::now();
        let rate = checked as f64 / self.begun.elapsed().as_secs_f64();
        // A preflight without a terminal checks all the same.
        let _ = writeln!(std::io::stderr(), "{checked} runs replayed, {rate:.0} a second");
    }
}
