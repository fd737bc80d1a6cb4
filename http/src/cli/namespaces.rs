//! `namespaces`: worlds of runs that share nothing.

use std::process::ExitCode;
use std::time::Duration;

use super::remote::{CliError, RemoteArgs, print, print_json};
use super::screen::{Colour, Screen};
use super::span::duration_text;
use super::table::{Align, Cell, Table};
use super::values;
use crate::NamespaceInfo;
use crate::client::Client;

/// The flags of `namespaces`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct NamespacesArgs {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    remote: RemoteArgs,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Action {
    /// Create one.
    Create(Settings),
    /// Replace the settings of one.
    Update(Settings),
    /// Delete one that holds no runs.
    Delete {
        /// Its name.
        name: String,
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

#[derive(Clone, Debug, clap::Args)]
struct Settings {
    /// Its name.
    name: String,
    /// What it is for.
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// How long closed runs are kept (7d, 12h); for ever when not given.
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    retention: Option<Duration>,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl Settings {
    fn retention_ms(&self) -> Option<u64> {
        self.retention.map(|keep| u64::try_from(keep.as_millis()).unwrap_or(u64::MAX))
    }
}

impl NamespacesArgs {
    pub(super) fn run(&self) -> ExitCode {
        let remote = match &self.action {
            None => &self.remote,
            Some(Action::Create(settings) | Action::Update(settings)) => &settings.remote,
            Some(Action::Delete { remote, .. }) => remote,
        };
        remote.run(async |client| {
            self.act(&client, remote.json).await?;
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn act(&self, client: &Client, json: bool) -> Result<(), CliError> {
        match &self.action {
            None => {
                let namespaces = client.namespaces().await?;
                match json {
                    true => print_json(&serde_json::json!({ "namespaces": namespaces })),
                    false => print(&render(&namespaces, Screen::stdout())),
                }
            }
            Some(Action::Create(one)) => {
                let ms = one.retention_ms();
                let made = client.create_namespace(&one.name, &one.description, ms).await?;
                said(json, &made, "created")
            }
            Some(Action::Update(one)) => {
                let ms = one.retention_ms();
                let changed = client.update_namespace(&one.name, &one.description, ms).await?;
                said(json, &changed, "changed")
            }
            Some(Action::Delete { name, .. }) => {
                client.delete_namespace(name).await?;
                match json {
                    true => print_json(&serde_json::json!({ "deleted": true })),
                    false => print(&format!("deleted namespace {name}")),
                }
            }
        }
    }
}

fn said(json: bool, namespace: &NamespaceInfo, word: &str) -> Result<(), CliError> {
    match json {
        true => print_json(namespace),
        false => print(&format!("{word} namespace {}", namespace.name)),
    }
}

fn render(namespaces: &[NamespaceInfo], screen: Screen) -> String {
    let columns =
        [("NAMESPACE", Align::Left), ("KEEPS CLOSED RUNS", Align::Left), ("FOR", Align::Left)];
    let mut table = Table::new(columns);
    for one in namespaces {
        table.row([
            Cell::new(&one.name).colour(Colour::Strong),
            Cell::new(one.retention_ms.map_or("for ever".to_owned(), duration_text)),
            Cell::new(&one.description),
        ]);
    }
    table.render(screen)
}
