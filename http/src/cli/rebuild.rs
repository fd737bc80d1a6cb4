//! `projections rebuild start|show|list|pause|resume|cancel` and `projections quarantine
//! list|release|ignore`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;

use super::projections::NameArgs;
use super::remote::{CliError, RemoteArgs, print, print_json};
use super::screen::{Colour, Screen};
use super::span::duration_text;
use super::table::{Align, Cell, Table};
use crate::client::{Client, RebuildVerb};
use crate::projection_replay::{RebuildStatus, ReplayStatus};
use crate::projections::{Quarantined, Release};

/// How often a rebuild that is followed is looked at.
const EVERY: Duration = Duration::from_millis(500);

/// What is done to a rebuild.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum RebuildCommand {
    /// Make a projection's rows anew, beside those that are read.
    Start(StartArgs),
    /// Show how far the last rebuild is.
    Show(NameArgs),
    /// List the rebuilds of all projections.
    List(ListArgs),
    /// Keep a rebuild waiting until it is resumed.
    Pause(NameArgs),
    /// Let a paused rebuild go on.
    Resume(NameArgs),
    /// End a rebuild; the rows of before are read on.
    Cancel(NameArgs),
}

/// The flags of `projections rebuild start`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct StartArgs {
    /// Print its progress until it is over; exit code 1 when it was not completed.
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    target: NameArgs,
}

/// The flags of `projections rebuild list`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Only those that run or are paused.
    #[arg(long)]
    active: bool,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// What is done about events that a projection's code refuses.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum QuarantineCommand {
    /// List them, with the rows that wait.
    List(NameArgs),
    /// Give one to the projection's code again, and what waits behind it.
    Release(EventArgs),
    /// Leave one out for good, and take in what waits behind it.
    Ignore(EventArgs),
}

/// The flags of commands on one event.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct EventArgs {
    #[command(flatten)]
    target: NameArgs,
    /// The event's position.
    #[arg(value_name = "POSITION")]
    position: u64,
}

impl RebuildCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::Start(StartArgs { follow, target }) => target.remote.run(async |client| {
                let begun = client.rebuild_projection(&target.name).await?;
                show(&begun, target.remote.json)?;
                match follow {
                    true => follow_to_the_end(&client, target, begun).await,
                    false => Ok(ExitCode::SUCCESS),
                }
            }),
            Self::Show(target) => target.remote.run(async |client| {
                show(&client.projection_rebuild(&target.name).await?, target.remote.json)?;
                Ok(ExitCode::SUCCESS)
            }),
            Self::List(ListArgs { active, remote }) => remote.run(async |client| {
                let rebuilds = client.rebuilds(*active).await?;
                match remote.json {
                    true => print_json(&serde_json::json!({ "rebuilds": rebuilds }))?,
                    false => print(&render(&rebuilds, Screen::stdout()))?,
                }
                Ok(ExitCode::SUCCESS)
            }),
            Self::Pause(target) => steer(target, RebuildVerb::Pause),
            Self::Resume(target) => steer(target, RebuildVerb::Resume),
            Self::Cancel(target) => steer(target, RebuildVerb::Cancel),
        }
    }
}

fn steer(target: &NameArgs, verb: RebuildVerb) -> ExitCode {
    target.remote.run(async |client| {
        show(&client.steer_rebuild(&target.name, verb).await?, target.remote.json)?;
        Ok(ExitCode::SUCCESS)
    })
}

async fn follow_to_the_end(
    client: &Client,
    target: &NameArgs,
    begun: RebuildStatus,
) -> Result<ExitCode, CliError> {
    let mut shown = begun;
    while shown.status.is_active() {
        tokio::time::sleep(EVERY).await;
        let now = client.projection_rebuild(&target.name).await?;
        if now != shown {
            show(&now, target.remote.json)?;
        }
        shown = now;
    }
    Ok(match shown.status {
        ReplayStatus::Completed => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn show(rebuild: &RebuildStatus, json: bool) -> Result<(), CliError> {
    match json {
        true => print_json(rebuild),
        false => print(&render(std::slice::from_ref(rebuild), Screen::stdout())),
    }
}

fn render(rebuilds: &[RebuildStatus], screen: Screen) -> String {
    let columns = [
        ("PROJECTION", Align::Left),
        ("REBUILD", Align::Left),
        ("DONE", Align::Right),
        ("EVENTS", Align::Right),
        ("OF", Align::Right),
        ("CHUNKS", Align::Right),
        ("REMAINING", Align::Right),
        ("WHY", Align::Left),
    ];
    let mut table = Table::new(columns);
    for one in rebuilds {
        let colour = match one.status {
            ReplayStatus::Failed => Colour::Failed,
            ReplayStatus::Completed => Colour::Strong,
            _ => Colour::Running,
        };
        table.row([
            Cell::new(&one.projection).colour(Colour::Strong),
            Cell::new(one.status.name()).colour(colour),
            Cell::new(format!("{:.1} %", one.percent_complete)),
            Cell::new(one.events_processed.to_string()),
            Cell::new(one.total_events.to_string()),
            Cell::new(one.chunks_completed.to_string()),
            Cell::new(one.estimated_remaining_ms.map_or_else(String::new, duration_text)),
            Cell::new(one.error.as_deref().unwrap_or_default()),
        ]);
    }
    table.render(screen)
}

impl QuarantineCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::List(target) => target.remote.run(async |client| {
                let events = client.quarantined_events(&target.name).await?;
                match target.remote.json {
                    true => print_json(&serde_json::json!({ "quarantined": events }))?,
                    false => print(&quarantined(&events, Screen::stdout()))?,
                }
                Ok(ExitCode::SUCCESS)
            }),
            Self::Release(event) => event.release(Release::Reprocess, "taken in"),
            Self::Ignore(event) => event.release(Release::Ignore, "left out"),
        }
    }
}

impl EventArgs {
    fn release(&self, release: Release, word: &str) -> ExitCode {
        let Self { target, position } = self;
        target.remote.run(async |client| {
            let events = client.release_event(&target.name, *position, release).await?;
            match target.remote.json {
                true => print_json(&serde_json::json!({ "events": events }))?,
                false => print(&format!("event {position} {word}, {events} events in all"))?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn quarantined(events: &[Quarantined], screen: Screen) -> String {
    let columns = [
        ("POSITION", Align::Right),
        ("EVENT", Align::Left),
        ("ROW", Align::Left),
        ("TRIES", Align::Right),
        ("WAITING", Align::Right),
        ("WHY", Align::Left),
    ];
    let mut table = Table::new(columns);
    for one in events {
        table.row([
            Cell::new(one.position.to_string()),
            Cell::new(&one.event_type).colour(Colour::Strong),
            Cell::new(&one.key),
            Cell::new(one.attempts.to_string()),
            Cell::new(one.waiting.to_string()),
            Cell::new(&one.error).colour(Colour::Failed),
        ]);
    }
    table.render(screen)
}
