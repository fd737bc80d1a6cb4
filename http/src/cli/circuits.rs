//! `circuits list|open|close`: circuit breakers.

use std::process::ExitCode;

use clap::Subcommand;
use everstep_activities::circuit_breaker::{CircuitState, CircuitView};

use super::remote::{CliError, RemoteArgs, print, print_json};
use super::screen::{Colour, Screen};
use super::table::{Align, Cell, Table};

/// What is done with circuits.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum CircuitsCommand {
    /// List the circuits and how they stand.
    List {
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Open a circuit, for its usual time.
    Open(NameArgs),
    /// Close a circuit.
    Close(NameArgs),
}

/// Which circuit.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct NameArgs {
    /// The circuit's name.
    #[arg(value_name = "CIRCUIT")]
    name: String,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl CircuitsCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::List { remote } => remote.run(async |client| {
                let circuits = client.circuits().await?;
                match remote.json {
                    true => print_json(&serde_json::json!({ "circuits": circuits }))?,
                    false => print(&render(&circuits, Screen::stdout()))?,
                }
                Ok(ExitCode::SUCCESS)
            }),
            Self::Open(NameArgs { name, remote }) => {
                remote.run(async |client| said(remote, &client.open_circuit(name).await?))
            }
            Self::Close(NameArgs { name, remote }) => {
                remote.run(async |client| said(remote, &client.close_circuit(name).await?))
            }
        }
    }
}

fn said(remote: &RemoteArgs, circuit: &CircuitView) -> Result<ExitCode, CliError> {
    match remote.json {
        true => print_json(circuit)?,
        false => print(&format!("circuit {} is {}", circuit.name, word(circuit.state)))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn word(state: CircuitState) -> String {
    state.name().replace('_', " ")
}

fn render(circuits: &[CircuitView], screen: Screen) -> String {
    let mut table = Table::new([
        ("CIRCUIT", Align::Left),
        ("STATE", Align::Left),
        ("FAILURES", Align::Right),
        ("OPENS AT", Align::Right),
        ("RETRY AFTER", Align::Right),
        ("PROBE", Align::Left),
    ]);
    for one in circuits {
        let colour = match one.state {
            CircuitState::Closed => Colour::Strong,
            CircuitState::Open => Colour::Failed,
            CircuitState::HalfOpen => Colour::Running,
        };
        table.row([
            Cell::new(&one.name).colour(Colour::Strong),
            Cell::new(word(one.state)).colour(colour),
            Cell::new(one.failure_count.to_string()),
            Cell::new(one.config.failure_threshold.to_string()),
            Cell::new(one.retry_after_ms.map(|ms| format!("{ms} ms")).unwrap_or_default()),
            Cell::new(one.probe_run_id.as_deref().unwrap_or_default()),
        ]);
    }
    table.render(screen)
}
