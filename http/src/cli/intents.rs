//! `intents list`: what was begun and has not ended.

use std::process::ExitCode;

use clap::Subcommand;

use super::remote::{RemoteArgs, print, print_json};
use super::screen::Screen;
use super::table::{Align, Cell, Table};

/// The most that is listed.
const MOST: usize = 1_000;

/// What is done with intents.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum IntentsCommand {
    /// List what was begun and has not ended, the oldest first.
    List {
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

impl IntentsCommand {
    pub(super) fn run(&self) -> ExitCode {
        let Self::List { remote } = self;
        remote.run(async |client| {
            let (mut after, mut intents) = (None::<String>, Vec::new());
            while intents.len() < MOST {
                let page = client.intents(after.as_deref()).await?;
                intents.extend(page.intents);
                after = page.next_page_token;
                if after.is_none() {
                    break;
                }
            }
            if remote.json {
                print_json(&serde_json::json!({ "intents": intents }))?;
                return Ok(ExitCode::SUCCESS);
            }
            let mut table = Table::new([
                ("KIND", Align::Left),
                ("KEY", Align::Left),
                ("BEGUN AT", Align::Left),
                ("AGE", Align::Right),
                ("EVENT", Align::Right),
            ]);
            for one in &intents {
                table.row([
                    Cell::new(&one.kind),
                    Cell::new(&one.intent_key),
                    Cell::new(one.begun_at.to_string()),
                    Cell::new(one.age_ms.map(|ms| format!("{ms} ms")).unwrap_or_default()),
                    Cell::new(one.position.to_string()),
                ]);
            }
            print(&table.render(Screen::stdout()))?;
            Ok(ExitCode::SUCCESS)
        })
    }
}
