//! `projections list|rows|row|pause|resume|rebuild|quarantine`: read models, how far they are, what
//! they hold, and what is done when that is wrong.

use std::process::ExitCode;

use clap::Subcommand;

use super::rebuild::{QuarantineCommand, RebuildCommand};
use super::remote::{CliError, RemoteArgs, print, print_json};
use super::screen::{Colour, Screen};
use super::table::{Align, Cell, Table};
use crate::client::ProjectionInfo;

/// What is done.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum ProjectionsCommand {
    /// List the projections with their lag.
    List(ListArgs),
    /// Print rows, a JSON document a line.
    Rows(RowsArgs),
    /// Print one row.
    Row(RowArgs),
    /// Keep a projection waiting until it is resumed.
    Pause(PauseArgs),
    /// Let a paused projection go on.
    Resume(NameArgs),
    /// Make a projection's rows anew, or see how far that is.
    #[command(subcommand)]
    Rebuild(RebuildCommand),
    /// Events that a projection's code refuses.
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
}

/// The flags of `projections list`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of commands on one projection.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct NameArgs {
    /// The projection.
    #[arg(value_name = "PROJECTION")]
    pub(super) name: String,
    #[command(flatten)]
    pub(super) remote: RemoteArgs,
}

/// The flags of `projections pause`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PauseArgs {
    /// Why; whoever looks at it is told.
    #[arg(long, default_value = "", value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    target: NameArgs,
}

/// The flags of `projections row`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RowArgs {
    /// The projection.
    #[arg(value_name = "PROJECTION")]
    name: String,
    /// The row's key.
    key: String,
    /// The row as it is durable, and the events that are not in it yet.
    #[arg(long)]
    recent: bool,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `projections rows`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RowsArgs {
    /// Only keys that begin so.
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Only rows with this field, such as `customer.id=7`; may be given more than once.
    #[arg(long = "field", value_name = "PATH=VALUE", value_parser = field)]
    fields: Vec<(String, String)>,
    #[command(flatten)]
    target: NameArgs,
}

fn field(text: &str) -> Result<(String, String), String> {
    let (path, value) = text.split_once('=').ok_or("expected PATH=VALUE")?;
    Ok((path.to_owned(), value.to_owned()))
}

impl ProjectionsCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::List(args) => args.run(),
            Self::Rows(args) => args.run(),
            Self::Row(args) => args.remote.run(async |client| {
                match args.recent {
                    true => print_json(&client.recent_row(&args.name, &args.key).await?)?,
                    false => print_json(&client.projection_row(&args.name, &args.key).await?)?,
                }
                Ok(ExitCode::SUCCESS)
            }),
            Self::Pause(PauseArgs { reason, target }) => target.remote.run(async |client| {
                client.pause_projection(&target.name, reason).await?;
                target.said("paused")
            }),
            Self::Resume(target) => target.remote.run(async |client| {
                client.resume_projection(&target.name).await?;
                target.said("resumed")
            }),
            Self::Rebuild(command) => command.run(),
            Self::Quarantine(command) => command.run(),
        }
    }
}

impl NameArgs {
    fn said(&self, word: &str) -> Result<ExitCode, CliError> {
        match self.remote.json {
            true => print_json(&serde_json::json!({ word: self.name }))?,
            false => print(&format!("{word} projection {}", self.name))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl RowsArgs {
    fn run(&self) -> ExitCode {
        let NameArgs { name, remote } = &self.target;
        remote.run(async |client| {
            let (mut after, mut all) = (None::<String>, Vec::new());
            loop {
                let prefix = self.prefix.as_deref();
                let page =
                    client.projection_rows(name, prefix, &self.fields, after.as_deref()).await?;
                match remote.json {
                    true => all.extend(page.rows),
                    false => page.rows.iter().try_for_each(print_json)?,
                }
                after = page.next_page_token;
                if after.is_none() {
                    break;
                }
            }
            if remote.json {
                print_json(&serde_json::json!({ "rows": all }))?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl ListArgs {
    fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let projections = client.projections().await?;
            match self.remote.json {
                true => print_json(&serde_json::json!({ "projections": projections }))?,
                false => print(&render(&projections, Screen::stdout()))?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn render(projections: &[ProjectionInfo], screen: Screen) -> String {
    let columns = [
        ("PROJECTION", Align::Left),
        ("CATEGORY", Align::Left),
        ("KEPT", Align::Left),
        ("STATE", Align::Left),
        ("LAG", Align::Right),
        ("POSITION", Align::Right),
        ("EVENTS", Align::Right),
        ("REASON", Align::Left),
    ];
    let mut table = Table::new(columns);
    for one in projections {
        let colour = match one.status.as_str() {
            "failing" | "stalled" => Colour::Failed,
            "current" => Colour::Strong,
            _ => Colour::Running,
        };
        table.row([
            Cell::new(&one.name).colour(Colour::Strong),
            Cell::new(&one.category),
            Cell::new(&one.delivery),
            Cell::new(one.status.replace('_', " ")).colour(colour),
            Cell::new(one.lag.to_string()),
            Cell::new(one.position.to_string()),
            Cell::new(one.events.to_string()),
            Cell::new(one.reason.as_deref().unwrap_or_default()),
        ]);
    }
    table.render(screen)
}
