//! `limits list|reset`: how often something may be done, and what was used up of it.

use std::process::ExitCode;

use clap::Subcommand;

use super::remote::{RemoteArgs, print, print_json};
use super::screen::{Colour, Screen};
use super::table::{Align, Cell, Table};

/// The most that is listed.
const MOST: usize = 1_000;

/// What is done with limits.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum LimitsCommand {
    /// List the keys that have used up something of a limit.
    List {
        /// Show keys, too, of which everything is granted again.
        #[arg(long)]
        at_rest: bool,
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Forgive a key what it has used up.
    Reset {
        /// The limit; a command's has the command's name.
        #[arg(value_name = "LIMIT")]
        limit: String,
        /// Whose: a user, as a rule.
        key: String,
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

impl LimitsCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::List { at_rest, remote } => list(remote, *at_rest),
            Self::Reset { limit, key, remote } => remote.run(async |client| {
                let reset = client.reset_limit(limit, key).await?;
                let said = if reset { "is forgiven" } else { "had used up nothing" };
                match remote.json {
                    true => print_json(&serde_json::json!({ "reset": reset }))?,
                    false => print(&format!("{key} {said}"))?,
                }
                Ok(ExitCode::SUCCESS)
            }),
        }
    }
}

fn list(remote: &RemoteArgs, at_rest: bool) -> ExitCode {
    remote.run(async |client| {
        let mut page = client.limits(None, at_rest).await?;
        while let Some(after) = page.next_page_token.take().filter(|_| page.meters.len() < MOST) {
            let next = client.limits(Some(&after), at_rest).await?;
            page.meters.extend(next.meters);
            page.next_page_token = next.next_page_token;
        }
        if remote.json {
            print_json(&page)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut table = Table::new([
            ("LIMIT", Align::Left),
            ("RATE", Align::Left),
            ("KEY", Align::Left),
            ("USED", Align::Right),
            ("LEFT", Align::Right),
            ("ALL OF IT AFTER", Align::Right),
        ]);
        for limit in &page.limits {
            let rate = format!("{} in {} ms", limit.rate, limit.period_ms);
            let mut meters = page.meters.iter().filter(|one| one.limit == limit.name).peekable();
            if meters.peek().is_none() {
                table.row([limit.name.as_str(), &rate, "", "0", "", ""].map(Cell::new));
            }
            for one in meters {
                let colour = if one.available == 0 { Colour::Failed } else { Colour::Strong };
                table.row([
                    Cell::new(&limit.name),
                    Cell::new(&rate),
                    Cell::new(&one.key),
                    Cell::new(format!("{} / {}", one.used, one.capacity)),
                    Cell::new(one.available.to_string()).colour(colour),
                    Cell::new(format!("{} ms", one.full_after_ms)),
                ]);
            }
        }
        print(&table.render(Screen::stdout()))?;
        Ok(ExitCode::SUCCESS)
    })
}
