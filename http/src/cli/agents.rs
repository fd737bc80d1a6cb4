//! `agents list|show|start|pause|resume|stop|reconfigure|approvals|approve|reject|decisions|audit|
//! dead-letters|replay|ignore`.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use serde_json::{Value, json};

use super::remote::{CliError, RemoteArgs, print, print_json};
use super::screen::{Colour, Screen};
use super::table::{Align, Cell, Table};
use crate::agent::{AgentPage, AgentView, confidence_in_words};
use crate::client::{AgentFilter, ClientError};

/// The most that is listed.
const MOST: usize = 1_000;

/// What is done.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum AgentsCommand {
    /// List the agents with what waits for somebody.
    List(ListArgs),
    /// Show one with its settings and what it has used.
    Show(NameArgs),
    /// Let a stopped agent take events again.
    Start(SteerArgs),
    /// Let an agent's events wait.
    Pause(SteerArgs),
    /// Let a paused or resting agent take events again.
    Resume(SteerArgs),
    /// Stop an agent until it is started.
    Stop(SteerArgs),
    /// Put other settings in the place of the program's.
    Reconfigure(ReconfigureArgs),
    /// List what agents would do and somebody has to decide.
    Approvals(FilterArgs),
    /// Approve what an agent would do.
    Approve(ApproveArgs),
    /// Reject what an agent would do.
    Reject(ReasonArgs),
    /// List what agents concluded.
    Decisions(FilterArgs),
    /// List what was written down of agents.
    Audit(FilterArgs),
    /// List what agents gave up on.
    DeadLetters(FilterArgs),
    /// Handle what an agent gave up on again.
    Replay(IdArgs),
    /// Decide that what an agent gave up on need not be done.
    Ignore(ReasonArgs),
}

/// The flags of `agents list`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of commands on one agent.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct NameArgs {
    /// The agent.
    #[arg(value_name = "AGENT")]
    name: String,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of what steers an agent.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SteerArgs {
    /// Why; kept in the audit.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    target: NameArgs,
}

/// The flags of `agents reconfigure`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ReconfigureArgs {
    /// What takes the place of the program's settings, a JSON object; `null` puts them back.
    #[arg(value_name = "JSON", value_parser = json_text)]
    overrides: Value,
    #[command(flatten)]
    target: NameArgs,
}

fn json_text(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// The flags of lists.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct FilterArgs {
    /// Of this agent only.
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// Of this status only; for approvals and dead letters.
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// With this action only; for decisions.
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Of this type only; for the audit.
    #[arg(long = "type", value_name = "TYPE")]
    audit_type: Option<String>,
    /// From this time on; for decisions.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Until this time; for decisions.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of commands on one record.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct IdArgs {
    /// Its id.
    id: String,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `agents approve`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ApproveArgs {
    /// What is to be remembered.
    #[arg(long, default_value = "", value_name = "TEXT")]
    note: String,
    #[command(flatten)]
    target: IdArgs,
}

/// The flags of decisions that need a reason.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ReasonArgs {
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    target: IdArgs,
}

impl AgentsCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::List(args) => args.run(),
            Self::Show(NameArgs { name, remote }) => remote.run(async |client| {
                print_json(&client.agent(name).await?)?;
                Ok(ExitCode::SUCCESS)
            }),
            Self::Start(args) => args.run("start"),
            Self::Pause(args) => args.run("pause"),
            Self::Resume(args) => args.run("resume"),
            Self::Stop(args) => args.run("stop"),
            Self::Reconfigure(ReconfigureArgs { overrides, target }) => {
                target.remote.run(async |client| {
                    let overrides = Some(overrides);
                    client.steer_agent(&target.name, "reconfigure", None, overrides).await?;
                    said(&target.remote, "reconfigured", &target.name)
                })
            }
            Self::Approvals(args) => args.approvals(),
            Self::Approve(ApproveArgs { note, target }) => target.remote.run(async |client| {
                client.review_approval(&target.id, true, note).await?;
                said(&target.remote, "approved", &target.id)
            }),
            Self::Reject(ReasonArgs { reason, target }) => target.remote.run(async |client| {
                client.review_approval(&target.id, false, reason).await?;
                said(&target.remote, "rejected", &target.id)
            }),
            Self::Decisions(args) => args.decisions(),
            Self::Audit(args) => args.audit(),
            Self::DeadLetters(args) => args.dead_letters(),
            Self::Replay(IdArgs { id, remote }) => remote.run(async |client| {
                let letter = client.settle_agent_dead_letter(id, None).await?;
                said(remote, &letter.status, id)
            }),
            Self::Ignore(ReasonArgs { reason, target }) => target.remote.run(async |client| {
                client.settle_agent_dead_letter(&target.id, Some(reason)).await?;
                said(&target.remote, "ignored", &target.id)
            }),
        }
    }
}

fn said(remote: &RemoteArgs, word: &str, id: &str) -> Result<ExitCode, CliError> {
    match remote.json {
        true => print_json(&json!({ word: id }))?,
        false => print(&format!("{word} {id}"))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn shown<T: Serialize>(
    remote: &RemoteArgs,
    name: &str,
    all: &[T],
    table: impl FnOnce() -> Table,
) -> Result<ExitCode, CliError> {
    match remote.json {
        true => print_json(&json!({ name: all }))?,
        false => print(&table().render(Screen::stdout()))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Page after page, as many as are listed.
async fn every<T>(
    ask: impl AsyncFn(Option<&str>) -> Result<AgentPage<T>, ClientError>,
) -> Result<Vec<T>, ClientError> {
    let (mut all, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = ask(after.as_deref()).await?;
        all.extend(page.items);
        after = page.next_page_token;
        if after.is_none() || all.len() >= MOST {
            return Ok(all);
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

impl SteerArgs {
    fn run(&self, verb: &str) -> ExitCode {
        let NameArgs { name, remote } = &self.target;
        remote.run(async |client| {
            let answer = client.steer_agent(name, verb, self.reason.as_deref(), None).await?;
            said(remote, text(&answer["status"]), name)
        })
    }
}

impl FilterArgs {
    fn filter(&self) -> AgentFilter {
        AgentFilter {
            agent: self.agent.clone(),
            status: self.status.clone(),
            action: self.action.clone(),
            audit_type: self.audit_type.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
        }
    }

    fn approvals(&self) -> ExitCode {
        self.remote.run(async |client| {
            let filter = self.filter();
            let all = every(async |after| client.agent_approvals(&filter, after).await).await?;
            shown(&self.remote, "approvals", &all, || {
                let left = Align::Left;
                let names = ["ID", "STATUS", "ACTION", "ABOUT", "CONFIDENCE", "EXPIRES", "WHY"];
                let mut table = Table::new(names.map(|name| (name, left)));
                for one in &all {
                    table.row([
                        Cell::new(&one.approval_id).colour(Colour::Strong),
                        Cell::new(one.status.name()),
                        Cell::new(&one.command_type),
                        Cell::new(&one.subject),
                        Cell::new(confidence_in_words(one.metadata.confidence)),
                        Cell::new(one.expires_at.to_string()),
                        Cell::new(&one.metadata.reason),
                    ]);
                }
                table
            })
        })
    }

    fn decisions(&self) -> ExitCode {
        self.remote.run(async |client| {
            let filter = self.filter();
            let all = every(async |after| client.agent_decisions(&filter, after).await).await?;
            shown(&self.remote, "decisions", &all, || {
                let left = Align::Left;
                let names = ["WHEN", "AGENT", "PATTERN", "ACTION", "OUTCOME", "CONFIDENCE", "BY"];
                let mut table = Table::new(names.map(|name| (name, left)));
                for one in &all {
                    let record = &one.record;
                    let sure = record["confidence"].as_f64().unwrap_or_default();
                    table.row([
                        Cell::new(one.at.to_string()),
                        Cell::new(&one.agent_id).colour(Colour::Strong),
                        Cell::new(text(&record["patternDetected"])),
                        Cell::new(text(&record["action"]["type"])),
                        Cell::new(&one.outcome),
                        Cell::new(confidence_in_words(sure)),
                        Cell::new(text(&record["analysisMethod"])),
                    ]);
                }
                table
            })
        })
    }

    fn audit(&self) -> ExitCode {
        self.remote.run(async |client| {
            let filter = self.filter();
            let all = every(async |after| client.agent_audit(&filter, after).await).await?;
            shown(&self.remote, "auditEvents", &all, || {
                let names = ["WHEN", "AGENT", "RECORD", "DETAILS"];
                let mut table = Table::new(names.map(|name| (name, Align::Left)));
                for one in &all {
                    table.row([
                        Cell::new(one.at.to_string()),
                        Cell::new(&one.agent_id).colour(Colour::Strong),
                        Cell::new(one.audit_type.name()),
                        Cell::new(one.data.to_string()),
                    ]);
                }
                table
            })
        })
    }

    fn dead_letters(&self) -> ExitCode {
        self.remote.run(async |client| {
            let filter = self.filter();
            let all = every(async |after| client.agent_dead_letters(&filter, after).await).await?;
            shown(&self.remote, "deadLetters", &all, || {
                let names = ["ID", "AGENT", "STATUS", "EVENT", "TYPE", "REASON", "ERROR"];
                let mut table = Table::new(names.map(|name| (name, Align::Left)));
                for one in &all {
                    let pending = one.status == "pending";
                    let colour = if pending { Colour::Failed } else { Colour::Strong };
                    table.row([
                        Cell::new(&one.dead_letter_id).colour(Colour::Strong),
                        Cell::new(&one.agent_id),
                        Cell::new(&one.status).colour(colour),
                        Cell::new(&one.event_id),
                        Cell::new(&one.event_type),
                        Cell::new(&one.reason),
                        Cell::new(&one.error),
                    ]);
                }
                table
            })
        })
    }
}

impl ListArgs {
    fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let all = client.agents().await?;
            shown(&self.remote, "agents", &all, || agents(&all))
        })
    }
}

fn agents(all: &[AgentView]) -> Table {
    let mut table = Table::new([
        ("AGENT", Align::Left),
        ("STATUS", Align::Left),
        ("EVENTS", Align::Right),
        ("CHECKPOINT", Align::Right),
        ("APPROVALS", Align::Right),
        ("DEAD LETTERS", Align::Right),
        ("WHAT FOR", Align::Left),
    ]);
    for one in all {
        let checkpoint = &one.checkpoint;
        let status = serde_json::to_value(checkpoint.status).unwrap_or_default();
        let active = status == "active";
        table.row([
            Cell::new(&one.agent_id).colour(Colour::Strong),
            Cell::new(text(&status)).colour(if active { Colour::Running } else { Colour::Failed }),
            Cell::new(checkpoint.events_processed.to_string()),
            Cell::new(checkpoint.last_processed_position.to_string()),
            Cell::new(one.pending_approvals.to_string()),
            Cell::new(one.pending_dead_letters.to_string()),
            Cell::new(&one.description),
        ]);
    }
    table
}
