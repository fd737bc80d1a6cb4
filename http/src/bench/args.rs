//! What to measure and how long.

use std::path::PathBuf;
use std::time::Duration;

/// The flags of `bench`.
#[derive(Clone, Debug, clap::Args)]
pub struct BenchArgs {
    /// Measure a running server that serves the conformance worker's types; without it the engine
    /// is measured in this process.
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,
    /// Which workloads, in this order.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "LIST",
        ignore_case = true,
        default_value = "w1,w2,w3,w4,w5,w6,w7,w8,e1,e2,e3,e4,e5,e6,r1"
    )]
    pub(super) workloads: Vec<Workload>,
    /// Length of a cell in seconds; at least 30 for figures that are published.
    #[arg(long, default_value_t = 10.0, value_name = "SECONDS", value_parser = seconds)]
    pub(super) seconds: f64,
    /// How many workflows are in flight; each workload has its own series where none is given.
    #[arg(long, value_delimiter = ',', value_name = "LIST", value_parser = concurrency)]
    pub(super) concurrency: Vec<usize>,
    /// Sleepers of w5.
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    pub(super) sleepers: u64,
    /// Schedules of w6.
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    pub(super) schedules: u64,
    /// Events of w7's run.
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    pub(super) events: u64,
    /// Closed runs of w8; there is one open run for a hundred of them.
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    pub(super) runs: u64,
    /// Events that are stored before e4, e5 and r1 measure.
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    pub(super) stored: u64,
    /// Directory for the data and for measuring the disk; something below the system's temporary
    /// directory where none is given. What is made in it is removed afterwards.
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Compare with the targets, and exit with 1 naming each one that was missed.
    #[arg(long)]
    pub(super) check: bool,
    /// Print one JSON document instead of the table.
    #[arg(long)]
    pub(super) json: bool,
}

/// The workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Workload {
    /// One step, one workflow after the other.
    W1,
    /// Ten steps one after the other.
    W2,
    /// Signal to result.
    W3,
    /// A thousand steps at once.
    W4,
    /// Sleepers.
    W5,
    /// Schedules.
    W6,
    /// One run with a long history.
    W7,
    /// Finding runs.
    W8,
    /// One conditional append after the other.
    E1,
    /// Conditional appends by many clients.
    E2,
    /// Appends of a hundred events.
    E3,
    /// Reads by tag and in full.
    E4,
    /// Appends to a log that holds very many events.
    E5,
    /// From the acknowledgement to the subscribers.
    E6,
    /// A projection rebuilt beside orders.
    R1,
}

impl Workload {
    /// Its name in tables and JSON.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::W1 => "w1",
            Self::W2 => "w2",
            Self::W3 => "w3",
            Self::W4 => "w4",
            Self::W5 => "w5",
            Self::W6 => "w6",
            Self::W7 => "w7",
            Self::W8 => "w8",
            Self::E1 => "e1",
            Self::E2 => "e2",
            Self::E3 => "e3",
            Self::E4 => "e4",
            Self::E5 => "e5",
            Self::E6 => "e6",
            Self::R1 => "r1",
        }
    }

    /// What it does.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::W1 => "one step, one workflow after the other",
            Self::W2 => "ten steps one after the other",
            Self::W3 => "signal to result",
            Self::W4 => "1,000 steps at once, joined",
            Self::W5 => "runs that sleep for an hour",
            Self::W6 => "schedules, 1,000 of them due at each second, in process only",
            Self::W7 => "one run with a long history, in process only",
            Self::W8 => "list, filter and count among very many runs, in process only",
            Self::E1 => "conditional appends, one client",
            Self::E2 => "conditional appends",
            Self::E3 => "appends of 100 events",
            Self::E4 => "events read by tag and in full",
            Self::E5 => "appends to a full log, and on hot tags",
            Self::E6 => "acknowledged to delivered; over HTTP as server-sent events",
            Self::R1 => "a projection rebuilt while orders flow, in process only",
        }
    }

    /// How many are in flight where nothing else is said.
    pub(super) const fn concurrency(self) -> &'static [usize] {
        match self {
            Self::W1 | Self::W4 | Self::W6 | Self::W7 | Self::W8 => &[1],
            Self::W2 => &[1, 64, 512],
            Self::W3 => &[1, 64],
            Self::W5 => &[512],
            Self::E1 | Self::E4 | Self::E5 | Self::R1 => &[1],
            Self::E2 => &[16, 64, 256],
            Self::E3 => &[16],
            Self::E6 => &[1, 100, 1_000],
        }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.05..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err(format!("`{text}` is no length of a cell; write seconds, 0.05 to 86400")),
    }
}

fn concurrency(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(count) if (1..=100_000).contains(&count) => Ok(count),
        _ => Err(format!("`{text}` is no number of workflows in flight; write 1 to 100000")),
    }
}

impl BenchArgs {
    /// Length of a cell.
    pub(super) fn length(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// The cells: each workload with each number in flight.
    pub(super) fn plan(&self) -> Vec<(Workload, usize)> {
        // W7 needs an engine that it can end and open again, W6 one that it can watch, W8 one that
        // holds nothing else, R1 one with a projection of its own.
        let alone = |workload: &Workload| {
            matches!(workload, Workload::W6 | Workload::W7 | Workload::W8 | Workload::R1)
        };
        let mine = |workload: &&Workload| self.url.is_none() || !alone(workload);
        let cells = self.workloads.iter().filter(mine).flat_map(|workload| {
            let own = workload.concurrency();
            // W1 and W4 are one after the other by definition.
            let given = !self.concurrency.is_empty() && own.len() > 1;
            let series = if given { &self.concurrency[..] } else { own };
            series.iter().map(|concurrency| (*workload, *concurrency))
        });
        cells.collect()
    }
}
