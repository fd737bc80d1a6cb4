//! Runs the plan, cell by cell, and says what came out.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::args::{BenchArgs, Workload};
use super::cell;
use super::disk::{ScratchDir, SyncRate};
use super::error::BenchError;
use super::event_log;
use super::figure::Measured;
use super::finding;
use super::long_run;
use super::report::Report;
use super::schedules;
use super::sleepers;
use super::subject::Subject;
use crate::EngineConfig;
use crate::cli::{CliError, Screen, print, print_json, runtime};
use crate::client::Client;

/// How long the disk is measured before each cell.
const DISK_LENGTH: Duration = Duration::from_millis(500);

/// Measures what the flags ask for and prints it.
#[must_use]
pub fn run(args: &BenchArgs) -> ExitCode {
    match measure(args) {
        Ok(report) => conclude(args, &report),
        Err(error) => error.report(args.json),
    }
}

fn conclude(args: &BenchArgs, report: &Report) -> ExitCode {
    let printed = match args.json {
        true => print_json(report),
        false => print(&report.render(Screen::stdout())),
    };
    if let Err(error) = printed {
        return error.report(args.json);
    }
    if !args.check || report.missed.is_empty() {
        return ExitCode::SUCCESS;
    }
    for missed in &report.missed {
        progress(&format!("missed: {missed}"));
    }
    ExitCode::FAILURE
}

/// A line on stderr, for whoever waits.
pub(super) fn progress(line: &str) {
    // Nobody waits where stderr is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn measure(args: &BenchArgs) -> Result<Report, CliError> {
    let parent = args.data.clone().unwrap_or_else(std::env::temp_dir);
    let server = args.url.as_deref().map(Client::new).transpose()?.map(Subject::Server);
    let failed = |error: BenchError| CliError::Failed(error.to_string());
    let load_before = super::process::load_average();
    let plan = args.plan();
    let mut cells = Vec::with_capacity(plan.len());
    for (index, cell) in plan.iter().enumerate() {
        let (workload, concurrency) = cell;
        let title = workload.title();
        let number = format!("{}/{}", index + 1, plan.len());
        let name = workload.name();
        progress(&format!("{number}  {name}: {title}, {concurrency} in flight …"));
        cells.push(one(args, *cell, server.as_ref(), &parent).map_err(failed)?);
    }
    let missed = cells.iter().flat_map(Measured::missed).collect();
    Ok(Report {
        mode: if server.is_some() { "http" } else { "in_process" },
        url: args.url.clone(),
        seconds: args.seconds,
        cpus: std::thread::available_parallelism().map_or(0, usize::from),
        load_before,
        cells,
        missed,
    })
}

/// One cell, in process over a store of its own, so that no cell pays for the ones before it.
fn one(
    args: &BenchArgs,
    cell: (Workload, usize),
    server: Option<&Subject>,
    parent: &Path,
) -> Result<Measured, BenchError> {
    let scratch = ScratchDir::new(parent, "everstep-bench")?;
    let disk = SyncRate::measure(scratch.path(), DISK_LENGTH)?;
    if !disk.is_plausible() {
        progress(&format!(
            "{} syncs {:.0} times a second, which no disk does: choose a directory on a disk with \
             --data",
            parent.display(),
            disk.syncs_per_s
        ));
    }
    let (workload, concurrency) = cell;
    let failed = |error: CliError| BenchError::Failed(error.to_string());
    let (runtime, clients) = (runtime().map_err(failed)?, clients()?);
    match (workload, server) {
        (Workload::W5, None) => {
            sleepers::in_process(scratch.path(), concurrency, args.sleepers, disk)
        }
        (Workload::W5, Some(server)) => {
            clients.block_on(sleepers::over_http(server, concurrency, args.sleepers, disk))
        }
        (Workload::W6, None) => clients.block_on(schedules::in_process(
            scratch.path(),
            runtime.handle(),
            args.schedules,
            args.length(),
            disk,
        )),
        (Workload::W7, None) => clients.block_on(long_run::in_process(
            scratch.path(),
            runtime.handle(),
            args.events,
            disk,
        )),
        (Workload::W8, None) => {
            clients.block_on(finding::in_process(scratch.path(), runtime.handle(), args.runs, disk))
        }
        (
            Workload::E1 | Workload::E2 | Workload::E3 | Workload::E4 | Workload::E5 | Workload::E6,
            None,
        ) => clients.block_on(event_log::in_process(
            scratch.path(),
            runtime.handle(),
            cell,
            (args.length(), args.stored),
            disk,
        )),
        (Workload::R1, None) => clients.block_on(event_log::rebuilt_in_process(
            scratch.path(),
            runtime.handle(),
            (args.length(), args.stored),
            disk,
        )),
        (Workload::E6, Some(server)) => {
            clients.block_on(event_log::delivered_over_http(server, concurrency, disk))
        }
        (
            Workload::E1 | Workload::E2 | Workload::E3 | Workload::E4 | Workload::E5,
            Some(server),
        ) => {
            let lengths = (args.length(), args.stored);
            clients.block_on(event_log::measure(server, cell, lengths, disk))
        }
        (_, Some(server)) => clients.block_on(cell::measure(server, cell, args.length(), disk)),
        (_, None) => {
            let budget = EngineConfig::default().memory_budget_bytes;
            let subject = Subject::open(scratch.path(), runtime.handle(), budget)?;
            let measured = clients.block_on(cell::measure(&subject, cell, args.length(), disk));
            clients.block_on(subject.close());
            measured
        }
    }
}

/// Where the closed loops run: one thread, which a turn's answers wake once.
pub(super) fn clients() -> Result<tokio::runtime::Runtime, BenchError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BenchError::io("start the clients' runtime"))
}
