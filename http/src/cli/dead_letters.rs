//! `dead-letters list|stats|show|retry|ignore`: what was given up on.

use std::process::ExitCode;

use clap::Subcommand;
use everstep_activities::dead_letters::{DeadLetter, DeadLetterFilter, DeadLetterStatus};
use everstep_activities::decider::fsm::State;

use super::remote::{CliError, RemoteArgs, pages, print_json};
use super::screen::{Colour, Screen};
use super::table::{Align, Cell, Table};
use super::values;

/// What is done with dead letters.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum DeadLettersCommand {
    /// List dead letters, the oldest first.
    List {
        /// Only of this kind, such as publication.
        #[arg(long, value_name = "KIND")]
        kind: Option<String>,
        /// Only pending, retrying, resolved or ignored ones.
        #[arg(long, value_name = "STATUS", value_parser = values::state::<DeadLetterStatus>)]
        status: Option<DeadLetterStatus>,
        /// Only for this target.
        #[arg(long, value_name = "TARGET")]
        target: Option<String>,
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Count dead letters by kind, state and target.
    Stats {
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Print a dead letter.
    Show(IdArgs),
    /// Try a dead letter again.
    Retry(IdArgs),
    /// Decide that a dead letter need not be done.
    Ignore {
        /// Why not; whoever looks at it later is told.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        target: IdArgs,
    },
}

/// Which dead letter.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct IdArgs {
    /// The letter's id.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl DeadLettersCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::List { kind, status, target, remote } => {
                let filter = DeadLetterFilter {
                    kind: kind.clone(),
                    status: *status,
                    target: target.clone(),
                    source: None,
                };
                list(&filter, remote)
            }
            Self::Stats { remote } => stats(remote),
            Self::Show(IdArgs { id, remote }) => remote.run(async |client| {
                print_json(&client.dead_letter(id).await?)?;
                Ok(ExitCode::SUCCESS)
            }),
            Self::Retry(IdArgs { id, remote }) => {
                remote.run(async |client| said(remote, &client.retry_dead_letter(id).await?))
            }
            Self::Ignore { reason, target: IdArgs { id, remote } } => remote
                .run(async |client| said(remote, &client.ignore_dead_letter(id, reason).await?)),
        }
    }
}

fn said(remote: &RemoteArgs, letter: &DeadLetter) -> Result<ExitCode, CliError> {
    remote.told(letter, || format!("{}  {}", letter.id, letter.status.name()))
}

fn list(filter: &DeadLetterFilter, remote: &RemoteArgs) -> ExitCode {
    remote.run(async |client| {
        let all = pages(usize::MAX, async |after| {
            let page = client.dead_letters(filter, after.as_deref()).await?;
            Ok((page.dead_letters, page.next_page_token))
        });
        let all = all.await?;
        let document = serde_json::json!({ "dead_letters": all });
        remote.told(&document, || render(&all, Screen::stdout()))
    })
}

fn render(letters: &[DeadLetter], screen: Screen) -> String {
    let mut table = Table::new([
        ("ID", Align::Left),
        ("KIND", Align::Left),
        ("SOURCE", Align::Left),
        ("TARGET", Align::Left),
        ("STATE", Align::Left),
        ("ATTEMPTS", Align::Right),
        ("LAST ERROR", Align::Left),
    ]);
    for one in letters {
        let colour = match one.status {
            DeadLetterStatus::Pending => Colour::Failed,
            DeadLetterStatus::Retrying => Colour::Running,
            DeadLetterStatus::Resolved | DeadLetterStatus::Ignored => Colour::Strong,
        };
        table.row([
            Cell::new(&one.id).colour(Colour::Strong),
            Cell::new(&one.kind),
            Cell::new(&one.source),
            Cell::new(&one.target),
            Cell::new(one.status.name()).colour(colour),
            Cell::new(one.attempts.to_string()),
            Cell::new(&one.last_error),
        ]);
    }
    table.render(screen)
}

fn stats(remote: &RemoteArgs) -> ExitCode {
    remote.run(async |client| {
        let figures = client.dead_letter_stats().await?;
        let mut table = Table::new([
            ("KIND", Align::Left),
            ("STATE", Align::Left),
            ("TARGET", Align::Left),
            ("COUNT", Align::Right),
        ]);
        for one in &figures {
            table.row([
                Cell::new(&one.kind),
                Cell::new(one.status.name()),
                Cell::new(&one.target),
                Cell::new(one.count.to_string()),
            ]);
        }
        let document = serde_json::json!({ "figures": figures });
        remote.told(&document, || table.render(Screen::stdout()))
    })
}
