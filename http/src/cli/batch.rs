//! `batch`: one act on every run that a filter names.

use std::process::ExitCode;
use std::time::Duration;

use super::filter::FilterArgs;
use super::remote::{CliError, RemoteArgs, print, print_json};
use super::screen::{Colour, Screen, printable};
use super::span::{age_text, now};
use super::table::{Align, Cell, Table};
use super::values;
use crate::client::Client;
use crate::{
    BatchDescription, BatchOperation, BatchRequest, Payload, ResetRequest, Selector, SignalInput,
    Timestamp,
};

/// How long one look at a batch lasts while it is waited for.
const LOOK: Duration = Duration::from_secs(2);

/// What is done to the runs, or what is asked about batches.
#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum BatchCommand {
    /// Send a signal to every open run that the filter names.
    Signal {
        /// The signal's name.
        #[arg(value_name = "NAME")]
        name: String,
        /// What it carries: JSON, @FILE, or - for standard input [default: null].
        #[arg(value_name = "PAYLOAD", value_parser = values::json, allow_negative_numbers = true)]
        payload: Option<Payload>,
        #[command(flatten)]
        runs: RunsArgs,
    },
    /// Ask every open run that the filter names to end in its own way.
    Cancel {
        #[command(flatten)]
        runs: RunsArgs,
    },
    /// End every open run that the filter names at once.
    Terminate {
        /// Why; it stands in the histories.
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        #[command(flatten)]
        runs: RunsArgs,
    },
    /// Begin a new run of every workflow whose newest run the filter names.
    Reset {
        /// The last event that each new run takes over.
        #[arg(long, value_name = "EVENT_ID")]
        to: u64,
        /// Why; it stands in the histories.
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        /// Leave out the signals that came after that event.
        #[arg(long)]
        no_signals: bool,
        #[command(flatten)]
        runs: RunsArgs,
    },
    /// Show how far a batch has come.
    Show {
        /// The batch's id.
        #[arg(value_name = "BATCH_ID")]
        id: String,
        /// Wait for its end; exits with 1 if runs refused.
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// List batches, newest first.
    List {
        /// How many at most.
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

/// Which runs, and what to wait for.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RunsArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Every run of the namespace, where no filter is given.
    #[arg(long)]
    all: bool,
    /// Only count the runs that it would act on.
    #[arg(long)]
    dry_run: bool,
    /// Wait for the batch's end; exits with 1 if runs refused.
    #[arg(long)]
    wait: bool,
    /// Makes a repeated request harmless.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl BatchCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::Signal { name, payload, runs } => {
                let payload = payload.clone().unwrap_or_default();
                runs.run(BatchOperation::Signal(SignalInput { name: name.clone(), payload }))
            }
            Self::Cancel { runs } => runs.run(BatchOperation::Cancel),
            Self::Terminate { reason, runs } => {
                runs.run(BatchOperation::Terminate { reason: reason.clone() })
            }
            Self::Reset { to, reason, no_signals, runs } => {
                let request = ResetRequest {
                    reapply_signals: !no_signals,
                    ..ResetRequest::new(*to, reason.clone())
                };
                runs.run(BatchOperation::Reset(Box::new(request)))
            }
            Self::Show { id, wait, remote } => {
                remote.run(async |client| show(&client, remote, id, *wait).await)
            }
            Self::List { limit, remote } => {
                remote.run(async |client| list(&client, remote, *limit).await)
            }
        }
    }
}

impl RunsArgs {
    fn run(&self, operation: BatchOperation) -> ExitCode {
        self.remote.run(async |client| {
            let filter = self.filter.filter();
            if filter.is_everything() && !self.all {
                let what = "no filter is given; --all means every run of the namespace";
                return Err(CliError::Failed(what.to_owned()));
            }
            let name = operation.name();
            let mut request = BatchRequest::new(filter, operation);
            request.idempotency_key.clone_from(&self.idempotency_key);
            if self.dry_run {
                let total = client.count_batch(&request).await?;
                match self.remote.json {
                    true => print_json(&serde_json::json!({ "total": total }))?,
                    false => print(&format!("{name} would act on {}", runs_text(total)))?,
                }
                return Ok(ExitCode::SUCCESS);
            }
            let batch_id = client.start_batch(&request).await?;
            if self.wait {
                return show(&client, &self.remote, &batch_id, true).await;
            }
            match self.remote.json {
                true => print_json(&serde_json::json!({ "batch_id": batch_id }))?,
                false => {
                    print(&format!("batch {batch_id} began; `batch show` says how far it is"))?;
                }
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

async fn show(
    client: &Client,
    remote: &RemoteArgs,
    id: &str,
    wait: bool,
) -> Result<ExitCode, CliError> {
    let mut batch = client.batch(id).await?;
    while wait && !batch.status.is_closed() {
        client.result(&Selector::newest(id), LOOK).await?;
        batch = client.batch(id).await?;
    }
    match remote.json {
        true => print_json(&batch)?,
        false => print(&render(&batch, Screen::stdout()))?,
    }
    let well = !batch.status.is_closed() || (batch.done == batch.total && batch.failed == 0);
    Ok(if well || !wait { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn list(client: &Client, remote: &RemoteArgs, limit: usize) -> Result<ExitCode, CliError> {
    let page = client.batches(Some(limit), None).await?;
    if remote.json {
        print_json(&page)?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&render_list(&page.batches, Screen::stdout(), now()))?;
    Ok(ExitCode::SUCCESS)
}

fn runs_text(count: u64) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}

/// The filter as the list's flags would have it.
fn filter_text(batch: &BatchDescription) -> String {
    let pairs: Vec<String> =
        batch.filter.parameters().iter().map(|(name, value)| format!("{name}={value}")).collect();
    if pairs.is_empty() { "every run".to_owned() } else { pairs.join(" ") }
}

/// One batch in a few lines.
fn render(batch: &BatchDescription, screen: Screen) -> String {
    let BatchDescription { total, done, failed, .. } = batch;
    let what = format!("{} of {}", batch.operation, filter_text(batch));
    let heading = screen.paint(Colour::Strong, &printable(&what));
    let mut text = format!(
        "{heading}\n{}: {done} of {} done, {failed} failed\n",
        batch.status,
        runs_text(*total)
    );
    for failure in &batch.failures {
        let line = format!("  {}: {}", failure.workflow_id, failure.message);
        text.push_str(&screen.paint(Colour::Failed, &printable(&line)));
        text.push('\n');
    }
    text
}

fn render_list(batches: &[BatchDescription], screen: Screen, now: Timestamp) -> String {
    if batches.is_empty() {
        return "no batches\n".to_owned();
    }
    let mut table = Table::new([
        ("STATUS", Align::Left),
        ("ACT", Align::Left),
        ("DONE", Align::Right),
        ("FAILED", Align::Right),
        ("TOTAL", Align::Right),
        ("STARTED", Align::Right),
        ("BATCH", Align::Left),
        ("FILTER", Align::Left),
    ]);
    for batch in batches {
        table.row([
            Cell::new(batch.status.to_string()),
            Cell::new(&batch.operation).colour(Colour::Strong),
            Cell::new(batch.done.to_string()),
            Cell::new(batch.failed.to_string()),
            Cell::new(batch.total.to_string()),
            Cell::new(age_text(batch.started_at, now)),
            Cell::new(&batch.batch_id).colour(Colour::Muted),
            Cell::new(filter_text(batch)),
        ]);
    }
    table.render(screen)
}
