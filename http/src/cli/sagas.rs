//! `sagas list|show|start|retry|skip`.

use std::process::ExitCode;

use clap::Subcommand;
use everstep_activities::decider::fsm::State;
use everstep_workflows::saga::{SagaFilter, SagaRecord, SagaStatus};
use serde_json::Value;

use super::remote::{CliError, RemoteArgs, pages, print_json};
use super::screen::{Colour, Screen};
use super::table::{Align, Cell, Table};
use super::values;
use crate::Payload;

/// What is done with sagas.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum SagasCommand {
    /// List sagas, the newest first.
    List {
        /// Only pending, running, compensating, completed, compensated or failed ones.
        #[arg(long, value_name = "STATUS", value_parser = values::state::<SagaStatus>)]
        status: Option<SagaStatus>,
        /// Only of this type.
        #[arg(long = "type", value_name = "TYPE")]
        saga_type: Option<String>,
        /// Only those that cannot undo a step.
        #[arg(long)]
        stuck: bool,
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Print a saga with its steps and compensations.
    Show(IdArgs),
    /// Start a saga, unless it was started before.
    Start {
        /// The workflow type.
        #[arg(value_name = "TYPE")]
        saga_type: String,
        /// The saga's id.
        #[arg(value_name = "SAGA_ID")]
        id: String,
        /// Its input: JSON, `@file`, or `-` for standard input.
        #[arg(value_name = "INPUT", value_parser = values::json)]
        input: Option<Payload>,
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Have the compensation tried again that a saga is stuck at.
    Retry(IdArgs),
    /// Decide that the compensation which a saga is stuck at need not be done.
    Skip {
        /// Why not; whoever looks at it later is told.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        target: IdArgs,
    },
}

/// Which saga.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct IdArgs {
    /// The saga's id.
    #[arg(value_name = "SAGA_ID")]
    id: String,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl SagasCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::List { status, saga_type, stuck, remote } => {
                let (status, saga_type) = (*status, saga_type.clone());
                let filter = SagaFilter { status, saga_type, stuck: stuck.then_some(true) };
                list(&filter, remote)
            }
            Self::Show(IdArgs { id, remote }) => remote.run(async |client| {
                print_json(&client.saga(id).await?)?;
                Ok(ExitCode::SUCCESS)
            }),
            Self::Start { saga_type, id, input, remote } => remote.run(async |client| {
                let input = input.clone().unwrap_or_default();
                let started = client.start_saga(saga_type, id, &input).await?;
                let word = if started.is_new { "started" } else { "is there already" };
                remote.told(&started, || format!("{id} {word}: {}", started.saga.status.name()))
            }),
            Self::Retry(IdArgs { id, remote }) => {
                remote.run(async |client| said(remote, &client.retry_saga(id).await?))
            }
            Self::Skip { reason, target: IdArgs { id, remote } } => remote
                .run(async |client| said(remote, &client.skip_compensation(id, reason).await?)),
        }
    }
}

fn said(remote: &RemoteArgs, saga: &Value) -> Result<ExitCode, CliError> {
    let text = |name: &str| saga[name].as_str().unwrap_or_default();
    remote.told(saga, || format!("{}  {}", text("saga_id"), text("status")))
}

fn list(filter: &SagaFilter, remote: &RemoteArgs) -> ExitCode {
    /// The most that is listed; a filter finds what lies further back.
    const MOST: usize = 1_000;
    remote.run(async |client| {
        let all = pages(MOST, async |after| {
            let page = client.sagas(filter, after.as_deref()).await?;
            Ok((page.sagas, page.next_page_token))
        });
        let all = all.await?;
        let document = serde_json::json!({ "sagas": all });
        remote.told(&document, || render(&all, Screen::stdout()))
    })
}

fn render(sagas: &[SagaRecord], screen: Screen) -> String {
    let mut table = Table::new([
        ("SAGA", Align::Left),
        ("TYPE", Align::Left),
        ("STATUS", Align::Left),
        ("STARTED", Align::Left),
        ("STUCK AT", Align::Left),
        ("ERROR", Align::Left),
    ]);
    for one in sagas {
        let colour = match (one.status, &one.stuck) {
            (_, Some(_)) | (SagaStatus::Failed, _) => Colour::Failed,
            (SagaStatus::Completed | SagaStatus::Compensated, _) => Colour::Strong,
            _ => Colour::Running,
        };
        let stuck = one.stuck.as_ref().map(|stuck| stuck.compensation.as_str());
        table.row([
            Cell::new(&one.saga_id).colour(Colour::Strong),
            Cell::new(&one.saga_type),
            Cell::new(one.status.name()).colour(colour),
            Cell::new(one.started_at.to_string()),
            Cell::new(stuck.unwrap_or_default()),
            Cell::new(one.error.as_deref().unwrap_or_default()),
        ]);
    }
    table.render(screen)
}
