//! `queue list|show|set|reset|pause|resume`: task queues.

use std::process::ExitCode;

use clap::Subcommand;

use super::remote::{CliError, RemoteArgs, print, print_json};
use super::screen::{Colour, Screen};
use super::span::duration_text;
use super::table::{Align, Cell, Table};
use crate::{QueueDescription, QueueLimits};

/// What is done.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum QueueCommand {
    /// List the queues with what waits and what runs.
    List(ListArgs),
    /// Show one queue.
    Show(NameArgs),
    /// Set what a queue allows, above what the worker declares. What is not given is no limit.
    Set(SetArgs),
    /// Take back what was set.
    Reset(NameArgs),
    /// Start nothing more of a queue until it is resumed.
    Pause(NameArgs),
    /// Let a paused queue go on.
    Resume(NameArgs),
}

/// The flags of `queue list`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of commands on one queue.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct NameArgs {
    /// The queue.
    #[arg(value_name = "QUEUE")]
    name: String,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `queue set`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SetArgs {
    /// The queue.
    #[arg(value_name = "QUEUE")]
    name: String,
    /// Attempts that may run at once.
    #[arg(long, value_name = "N")]
    concurrency: Option<u32>,
    /// Attempts that may start in a second, on average.
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    /// Attempts that may start at once after a quiet time.
    #[arg(long, value_name = "N")]
    burst: Option<u32>,
    /// Attempts with the same concurrency key that may run at once.
    #[arg(long, value_name = "N")]
    concurrency_per_key: Option<u32>,
    /// A fairness key's weight; may be given more than once.
    #[arg(long = "weight", value_name = "KEY=WEIGHT", value_parser = weight)]
    weights: Vec<(String, f64)>,
    #[command(flatten)]
    remote: RemoteArgs,
}

fn weight(text: &str) -> Result<(String, f64), String> {
    let (key, weight) = text.split_once('=').ok_or("expected KEY=WEIGHT")?;
    let weight = weight.parse().map_err(|error| format!("weight `{weight}`: {error}"))?;
    Ok((key.to_owned(), weight))
}

impl QueueCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::List(args) => {
                args.remote.run(async |client| say(&args.remote, &client.queues().await?))
            }
            Self::Show(args) => args
                .remote
                .run(async |client| say_one(&args.remote, client.queue(&args.name).await?)),
            Self::Set(args) => args.remote.run(async |client| {
                let paused = client
                    .queues()
                    .await?
                    .iter()
                    .any(|queue| queue.name == args.name && queue.limits.paused);
                let limits = QueueLimits {
                    concurrency: args.concurrency,
                    rate_per_s: args.rate,
                    burst: args.burst,
                    concurrency_per_key: args.concurrency_per_key,
                    weights: args.weights.iter().cloned().collect(),
                    paused,
                };
                say_one(&args.remote, client.set_queue(&args.name, Some(&limits)).await?)
            }),
            Self::Reset(args) => args.remote.run(async |client| {
                say_one(&args.remote, client.set_queue(&args.name, None).await?)
            }),
            Self::Pause(args) => args.set_paused(true),
            Self::Resume(args) => args.set_paused(false),
        }
    }
}

impl NameArgs {
    fn set_paused(&self, paused: bool) -> ExitCode {
        self.remote.run(async |client| {
            let limits = QueueLimits { paused, ..client.queue(&self.name).await?.limits };
            say_one(&self.remote, client.set_queue(&self.name, Some(&limits)).await?)
        })
    }
}

fn say_one(remote: &RemoteArgs, queue: QueueDescription) -> Result<ExitCode, CliError> {
    match remote.json {
        true => print_json(&queue)?,
        false => print(&render(&[queue], Screen::stdout()))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn say(remote: &RemoteArgs, queues: &[QueueDescription]) -> Result<ExitCode, CliError> {
    match remote.json {
        true => print_json(&serde_json::json!({ "queues": queues }))?,
        false => print(&render(queues, Screen::stdout()))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn render(queues: &[QueueDescription], screen: Screen) -> String {
    if queues.is_empty() {
        return "no task queues: none is declared, set or used\n".to_owned();
    }
    let mut table = Table::new([
        ("QUEUE", Align::Left),
        ("WAITING", Align::Right),
        ("RUNNING", Align::Right),
        ("OLDEST", Align::Right),
        ("STARTED/S", Align::Right),
        ("LIMITS", Align::Left),
    ]);
    for queue in queues {
        table.row([
            Cell::new(&queue.name).colour(Colour::Strong),
            Cell::new(queue.waiting.to_string()),
            Cell::new(queue.running.to_string()),
            Cell::new(queue.oldest_age_ms.map_or_else(|| "–".to_owned(), duration_text)),
            Cell::new(format!("{:.1}", queue.started_per_s)),
            Cell::new(queue.limits.to_string()),
        ]);
    }
    table.render(screen)
}
