//! `publications list`.

use std::process::ExitCode;

use clap::Subcommand;
use everstep_activities::decider::fsm::State;
use everstep_workflows::publication::{PublicationFilter, PublicationStatus};

use super::remote::{RemoteArgs, pages};
use super::screen::{Colour, Screen};
use super::table::{Align, Cell, Table};
use super::values;

/// The most that is listed; a filter finds what lies further on.
const MOST: usize = 1_000;

/// What is done with publications.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum PublicationsCommand {
    /// List publications, in the order of the events.
    List {
        /// Only of the event at this position.
        #[arg(long, value_name = "POSITION")]
        event: Option<u64>,
        /// Only pending, delivered, failed or dead_letter ones.
        #[arg(long, value_name = "STATUS", value_parser = values::state::<PublicationStatus>)]
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
            let all = pages(MOST, async |after| {
                let page = client.publications(&filter, after.as_deref()).await?;
                Ok((page.publications, page.next_page_token))
            });
            let all = all.await?;
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
            let document = serde_json::json!({ "publications": all });
            remote.told(&document, || table.render(Screen::stdout()))
        })
    }
}
