//! `process-managers list|redeliver`.

use std::process::ExitCode;

use clap::Subcommand;

use super::remote::{RemoteArgs, print, print_json};
use super::screen::{Colour, Screen};
use super::table::{Align, Cell, Table};

/// What is done with process managers.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum ProcessManagersCommand {
    /// List the process managers, what they hear of and what they send.
    List {
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Hand an event to a process manager again.
    Redeliver {
        /// The process manager.
        #[arg(value_name = "NAME")]
        name: String,
        /// The event's position.
        #[arg(value_name = "POSITION")]
        position: u64,
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

impl ProcessManagersCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::List { remote } => remote.run(async |client| {
                let all = client.process_managers().await?;
                if remote.json {
                    print_json(&serde_json::json!({ "process_managers": all }))?;
                    return Ok(ExitCode::SUCCESS);
                }
                let mut table = Table::new([
                    ("PROCESS MANAGER", Align::Left),
                    ("CONTEXT", Align::Left),
                    ("ON", Align::Left),
                    ("SENDS", Align::Left),
                ]);
                for one in &all {
                    table.row([
                        Cell::new(&one.name).colour(Colour::Strong),
                        Cell::new(&one.context),
                        Cell::new(one.event_subscriptions.join(", ")),
                        Cell::new(one.emits_commands.join(", ")),
                    ]);
                }
                print(&table.render(Screen::stdout()))?;
                Ok(ExitCode::SUCCESS)
            }),
            Self::Redeliver { name, position, remote } => remote.run(async |client| {
                let sent = client.redeliver(name, *position).await?;
                match remote.json {
                    true => print_json(&serde_json::json!({ "sent": sent }))?,
                    false => print(&format!("event {position}: {sent} commands sent anew"))?,
                }
                Ok(ExitCode::SUCCESS)
            }),
        }
    }
}
