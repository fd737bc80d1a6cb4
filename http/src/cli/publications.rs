//! `publications list`.

use std::process::ExitCode;

use clap::Subcommand;
use everstep_activities::decider::fsm::State;
use everstep_workflows::publication::{PublicationFilter, PublicationStatus};

use super::remote::{RemoteArgs, print, print_json};
use super::screen::{Colour, Screen};
use super::table::{Align, Cell, Table};

/// The most that is listed; a filter finds what lies further on.
const MOST: usize = 1_000;

fn status(text: &str) -> Result<PublicationStatus, String> {
    let known: Vec<&str> = PublicationStatus::ALL.iter().map(|one| one.name()).collect();
    PublicationStatus::named(text).ok_or_else(|| format!("one of {}", known.join(", ")))
}

/// What is done with publications.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum PublicationsCommand {
    /// List publications, in the order of the events.
    List {
        /// Only of the event at this position.
        #[arg(long, value_name = "POSITION")]
        event: Option<u64>,
        /// Only pending, delivered, failed or dead_letter ones.
        #[arg(long, value_name = "STATUS", value_parser = status)]
        status: Option<PublicationStatus>,
        /// Only to this context.
        #[arg(long, value_name = "CONTEXT")]
        target: Option<String>,
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

impl PublicationsCommand {
    pub(super) fn run(&self) -> ExitCode {
        let Self::List { event, status, target, remote } = self;
        let filter =
            PublicationFilter { position: *event, status: *status, target: target.clone() };
        remote.run(async |client| {
            let (mut after, mut all) = (None::<String>, Vec::new());
            while all.len() < MOST {
                let page = client.publications(&filter, after.as_deref()).await?;
                all.extend(page.publications);
                after = page.next_page_token;
                if after.is_none() {
                    break;
                }
            }
            if remote.json {
                print_json(&serde_json::json!({ "publications": all }))?;
                return Ok(ExitCode::SUCCESS);
            }
            let mut table = Table::new([
                ("EVENT", Align::Right),
                ("TYPE", Align::Left),
                ("TARGET", Align::Left),
                ("STATUS", Align::Left),
                ("ATTEMPTS", Align::Right),
                ("LAST ERROR", Align::Left),
            ]);
            for one in &all {
                let colour = match one.status {
                    PublicationStatus::Delivered => Colour::Strong,
                    PublicationStatus::DeadLetter => Colour::Failed,
                    _ => Colour::Running,
                };
                table.row([
                    Cell::new(one.position.to_string()),
                    Cell::new(&one.event_type),
                    Cell::new(&one.target_context),
                    Cell::new(one.status.name()).colour(colour),
                    Cell::new(one.attempt_count.to_string()),
                    Cell::new(one.last_error.as_deref().unwrap_or_default()),
                ]);
            }
            print(&table.render(Screen::stdout()))?;
            Ok(ExitCode::SUCCESS)
        })
    }
}
