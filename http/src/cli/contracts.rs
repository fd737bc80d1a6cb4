//! `contexts` and `contracts`: bounded contexts, and whether their contracts hold.

use std::process::ExitCode;

use clap::Subcommand;
use everstep_activities::contexts::MigrationView;
use serde_json::Value;

use super::remote::{CliError, RemoteArgs, print, print_json};
use super::screen::{Colour, Screen};
use super::table::{Align, Cell, Table};
use super::values;
use crate::Timestamp;
use crate::client::Client;

/// The flags of `contexts`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ContextsArgs {
    /// Show the contract of this one.
    #[arg(value_name = "CONTEXT")]
    name: Option<String>,
    /// Show how they relate.
    #[arg(long, conflicts_with = "name")]
    map: bool,
    /// Show how far rows of an older shape are taken along.
    #[arg(long, conflicts_with_all = ["name", "map"])]
    migrations: bool,
    /// Call this function of it.
    #[arg(long, value_name = "FUNCTION", requires = "name")]
    call: Option<String>,
    /// What the function takes, as JSON.
    #[arg(long, value_name = "JSON", default_value = "null", value_parser = json_text, requires = "call")]
    input: Value,
    #[command(flatten)]
    remote: RemoteArgs,
}

fn json_text(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// What is done with contracts.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum ContractsCommand {
    /// Check what producers write against what consumers read. Exits with 1 when a contract does
    /// not hold.
    Check {
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// List what did not hold when it was checked, the newest first.
    Violations {
        /// Only those found since then: a time, or a duration before now.
        #[arg(long, value_name = "TIME", value_parser = values::instant)]
        since: Option<Timestamp>,
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

impl ContextsArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            match &self.name {
                Some(name) => match &self.call {
                    Some(function) => {
                        print_json(&client.call_function(name, function, &self.input).await?)?;
                    }
                    None => print_json(&client.contract(name).await?)?,
                },
                None if self.migrations => {
                    let migrations = client.migrations().await?;
                    let document = serde_json::json!({ "migrations": migrations });
                    return self.remote.told(&document, || render(&migrations, Screen::stdout()));
                }
                None if self.map => print_json(&client.context_map().await?)?,
                None => self.list(&client).await?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn list(&self, client: &Client) -> Result<(), CliError> {
        let contexts = client.contexts().await?;
        if self.remote.json {
            return print_json(&serde_json::json!({ "contexts": contexts }));
        }
        let columns = [
            ("CONTEXT", Align::Left),
            ("VERSION", Align::Left),
            ("COMMANDS", Align::Right),
            ("EVENTS", Align::Right),
            ("RELATES WITH", Align::Left),
            ("FOR", Align::Left),
        ];
        let mut table = Table::new(columns);
        for one in &contexts {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            let neighbours = one["neighbours"].as_array().into_iter().flatten();
            let neighbours = neighbours.filter_map(|neighbour| neighbour["context"].as_str());
            table.row([
                Cell::new(text("name")).colour(Colour::Strong),
                Cell::new(text("version")),
                Cell::new(one["commands"].to_string()),
                Cell::new(one["events"].to_string()),
                Cell::new(neighbours.collect::<Vec<_>>().join(", ")),
                Cell::new(text("description")),
            ]);
        }
        print(&table.render(Screen::stdout()))
    }
}

fn render(migrations: &[MigrationView], screen: Screen) -> String {
    let mut table = Table::new([
        ("CONTEXT", Align::Left),
        ("MIGRATION", Align::Left),
        ("STATE", Align::Left),
        ("ROWS", Align::Right),
        ("WORKFLOW", Align::Left),
        ("ERROR", Align::Left),
    ]);
    for one in migrations {
        let colour = match (one.status.as_str(), &one.error) {
            ("completed", _) => Colour::Completed,
            ("failed", _) => Colour::Failed,
            ("running", Some(_)) => Colour::Retrying,
            ("running", None) => Colour::Running,
            _ => Colour::Waiting,
        };
        table.row([
            Cell::new(&one.context),
            Cell::new(&one.name).colour(Colour::Strong),
            Cell::new(&one.status).colour(colour),
            Cell::new(one.rows.to_string()),
            Cell::new(one.workflow_id.as_deref().unwrap_or_default()),
            Cell::new(one.error.as_deref().unwrap_or_default()),
        ]);
    }
    table.render(screen)
}

impl ContractsCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::Check { remote } => remote.run(async |client| check(&client, remote.json).await),
            Self::Violations { since, remote } => remote.run(async |client| {
                let found = client.contract_violations(*since).await?;
                match remote.json {
                    true => print_json(&serde_json::json!({ "violations": found }))?,
                    false => found.iter().try_for_each(|one| {
                        print(&format!("{}  {}  {}", one.timestamp, one.code, one.details))
                    })?,
                }
                Ok(ExitCode::SUCCESS)
            }),
        }
    }
}

async fn check(client: &Client, json: bool) -> Result<ExitCode, CliError> {
    let report = client.check_contracts().await?;
    let (checked, violations) = (report.checked, &report.violations);
    match json {
        true => {
            print_json(&serde_json::json!({ "checked": checked, "violations": violations }))?;
        }
        false => {
            for one in violations {
                print(&format!("{}  {}", one.code, one.details))?;
            }
            let broken = violations.len();
            print(&format!("{} of {checked} sides of contracts hold", checked - broken))?;
        }
    }
    Ok(if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
