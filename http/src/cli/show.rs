//! `show`: one run, what it waits for and its history, as a page for the terminal.

use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use super::groups::{Group, Groups};
use super::look::Look;
use super::payload::shown;
use super::remote::{CliError, RemoteArgs, RunArgs, print, print_json};
use super::screen::{Colour, Screen, fit, printable};
use super::span::{age_text, duration_text, instant_text, now};
use super::table::{Align, Cell, Table};
use crate::client::{Client, ClientError, Event};
use crate::{RunDescription, Selector, Timestamp};

/// How long one request waits for news.
const FOLLOW: Duration = Duration::from_secs(30);
/// How often a lost server is looked for, a second apart, before giving up.
const RECONNECTS: u32 = 60;

/// The flags of `show`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Go on printing what happens until the run closes (with --json: one event a line).
    #[arg(long, short)]
    follow: bool,
    /// Print payloads in full; large ones are not even fetched otherwise.
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    workflow: &'a RunDescription,
    events: &'a [Event],
}

/// How a page is drawn.
#[derive(Clone, Copy, Debug)]
struct Page {
    screen: Screen,
    full: bool,
    now: Timestamp,
}

impl ShowArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            if self.remote.json && self.follow {
                self.follow_json(&client).await?;
                return Ok(ExitCode::SUCCESS);
            }
            // Large payloads are worth their way only where somebody reads them.
            let whole = self.full || self.remote.json;
            let client = if whole { client } else { client.referring() };
            let run = client.describe(&self.run.selector()).await?;
            // From here on the same run, whatever starts under its id meanwhile.
            let selector =
                Selector { run_id: Some(run.run_id), ..Selector::newest(&run.workflow_id) };
            let events = client.whole_history(&selector).await?;
            if self.remote.json {
                print_json(&Document { workflow: &run, events: &events })?;
                return Ok(ExitCode::SUCCESS);
            }
            let page = Page { screen: Screen::stdout(), full: self.full, now: now() };
            let groups = Groups::of(&events);
            print(&format!("{}\n{}", page.header(&run), page.history(&groups)))?;
            if self.follow && !run.status.is_closed() {
                self.follow_text(&client, &selector, page, groups, events.len()).await?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn follow_text(
        &self,
        client: &Client,
        selector: &Selector,
        page: Page,
        mut groups: Groups,
        seen: usize,
    ) -> Result<(), CliError> {
        let mut table = page.table(groups.rows());
        let mut next = seen as u64 + 1;
        loop {
            let events = patiently(client, selector, next).await?;
            for event in &events {
                next = event.event_id + 1;
                let index = groups.push(event);
                let rows = groups.rows();
                let Some(group) = rows.get(index) else { continue };
                table.row(page.cells(rows, group));
                let widths = table.widths(page.screen);
                if let Some(cells) = table.rows().last() {
                    print(&table.line(page.screen, &widths, cells))?;
                }
            }
            if events.iter().any(Event::is_last) {
                let run = client.describe(selector).await?;
                let page = Page { now: now(), ..page };
                return print(&format!("\n{}", page.end(&run)));
            }
        }
    }

    async fn follow_json(&self, client: &Client) -> Result<(), CliError> {
        let run = client.describe(&self.run.selector()).await?;
        let selector = Selector { run_id: Some(run.run_id), ..Selector::newest(&run.workflow_id) };
        let mut next = 1;
        loop {
            let events = patiently(client, &selector, next).await?;
            for event in &events {
                next = event.event_id + 1;
                print_json(event)?;
            }
            if events.iter().any(Event::is_last) {
                return Ok(());
            }
        }
    }
}

/// The events from `next` on, over a server that restarts meanwhile.
async fn patiently(
    client: &Client,
    selector: &Selector,
    next: u64,
) -> Result<Vec<Event>, CliError> {
    let mut lost = 0;
    loop {
        match client.history(selector, next, Some(1000), FOLLOW).await {
            Ok(page) => return Ok(page.events),
            Err(ClientError::Unreachable { .. } | ClientError::Broken { .. })
                if lost < RECONNECTS =>
            {
                lost += 1;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

impl Page {
    /// Status, identity, times, what it waits for, input and outcome.
    fn header(self, run: &RunDescription) -> String {
        let mut text = format!(
            "{}  {}  {}\n",
            Look::of_run(run).paint(self.screen),
            self.screen.paint(Colour::Strong, &printable(&run.workflow_id)),
            printable(&run.workflow_type),
        );
        let is_unwritten = run.awaiting.iter().any(|item| item.kind == "run_end");
        if !run.waiting_for.is_empty() && (is_unwritten || !run.status.is_closed()) {
            let sentence = format!("waits for {}", printable(&run.waiting_for));
            let _ = writeln!(text, "{}", self.screen.paint(Colour::Waiting, &sentence));
        }
        text.push('\n');
        self.field(&mut text, "run", &run.run_id.to_string());
        let started = instant_text(run.started_at);
        let age = age_text(run.started_at, self.now);
        self.field(&mut text, "started", &format!("{started} · {age}"));
        let duration =
            duration_text(run.closed_at.unwrap_or(self.now).millis_since(run.started_at));
        let so_far = if run.closed_at.is_none() { " so far" } else { "" };
        self.field(&mut text, "duration", &format!("{duration}{so_far}"));
        if let Some(parent) = &run.parent {
            self.field(&mut text, "parent", parent);
        }
        if !run.children.is_empty() {
            self.field(&mut text, "children", &run.children.join(", "));
        }
        if run.run_number > 1 || run.continued_to.is_some() {
            let [from, to] = [run.continued_from, run.continued_to]
                .map(|run_id| run_id.map(|run_id| run_id.to_string()));
            let from = from.map_or(String::new(), |from| format!(", continues {from}"));
            let to = to.map_or(String::new(), |to| format!(", goes on as {to}"));
            self.field(&mut text, "chain", &format!("run {}{from}{to}", run.run_number));
        }
        if let Some(warning) = &run.history_warning {
            self.failure(&mut text, "long", warning);
        }
        if !run.version.is_empty() {
            self.field(&mut text, "version", &run.version);
        }
        if !run.patches.is_empty() {
            self.field(&mut text, "patches", &run.patches.join(", "));
        }
        if run.cancel_requested && !run.status.is_closed() {
            self.field(&mut text, "cancel", "asked for");
        }
        for (name, value) in &run.search_attributes {
            self.field(&mut text, "attribute", &format!("{name} = {value}"));
        }
        if !run.memo.is_null() && run.memo.as_str() != "{}" {
            self.field(&mut text, "memo", run.memo.as_str());
        }
        self.field(&mut text, "input", &shown(&run.input));
        self.outcome(&mut text, run);
        text
    }

    /// How it ended, or why it cannot go on.
    fn outcome(self, text: &mut String, run: &RunDescription) {
        if let Some(result) = &run.result {
            self.field(text, "result", &shown(result));
        }
        if let Some(failure) = &run.failure {
            self.failure(text, "failure", &format!("{}: {}", failure.kind, failure.message));
        }
        if let Some(stuck) = &run.task_failure {
            self.failure(text, "stuck", &stuck.message);
            if let (Some(recorded), Some(asked)) = (&stuck.recorded, &stuck.asked) {
                self.failure(text, "", &format!("recorded {recorded}; the code asks {asked}"));
            }
            if let Some(location) = &stuck.location {
                self.failure(text, "", &format!("at {location}"));
            }
        }
        for activity in &run.pending_activities {
            let name = &activity.activity_type;
            if let Some(token) = &activity.task_token {
                self.field(text, "task token", &format!("{token} ({name})"));
            }
            if let (Some(details), Some(at)) =
                (&activity.last_heartbeat, activity.last_heartbeat_at)
            {
                let said = format!("{name}: {details}, {}", age_text(at, self.now));
                self.field(text, "heartbeat", &said);
            }
            if let Some(failure) = &activity.last_failure {
                let said = format!("{name}: {}: {}", failure.kind, failure.message);
                self.failure(text, "last error", &said);
            }
        }
    }

    /// The last lines of a run that was followed to its end.
    fn end(self, run: &RunDescription) -> String {
        let duration =
            duration_text(run.closed_at.unwrap_or(self.now).millis_since(run.started_at));
        let status = Look::of_run(run).paint(self.screen);
        let mut text = format!("{status} after {duration}\n");
        self.outcome(&mut text, run);
        text
    }

    fn field(self, text: &mut String, name: &str, value: &str) {
        self.line(text, name, value, Colour::Plain);
    }

    fn failure(self, text: &mut String, name: &str, value: &str) {
        self.line(text, name, value, Colour::Failed);
    }

    fn line(self, text: &mut String, name: &str, value: &str, colour: Colour) {
        const NAME_WIDTH: usize = 12;
        let value = printable(value);
        let room = self.screen.width.saturating_sub(NAME_WIDTH + 2);
        let value = if self.full { value } else { fit(&value, room) };
        let name = self.screen.paint(Colour::Muted, &format!("{name:<NAME_WIDTH$}"));
        let line = format!("  {name}{}", self.screen.paint(colour, &value));
        let _ = writeln!(text, "{}", line.trim_end());
    }

    fn history(self, groups: &Groups) -> String {
        self.table(groups.rows()).render(self.screen)
    }

    fn table(self, groups: &[Group]) -> Table {
        let mut table = Table::new([
            ("", Align::Left),
            ("EVENTS", Align::Right),
            ("AFTER", Align::Right),
            ("WHAT", Align::Left),
            ("TRIES", Align::Right),
            ("TOOK", Align::Right),
            ("OUTCOME", Align::Left),
        ])
        .abbreviate(!self.full);
        for group in groups {
            table.row(self.cells(groups, group));
        }
        table
    }

    fn cells(self, groups: &[Group], group: &Group) -> [Cell; 7] {
        let started_at = groups.first().map_or(group.at, |first| first.at);
        let numbers = match group.last - group.first {
            0 => group.first.to_string(),
            _ => format!("{}–{}", group.first, group.last),
        };
        let took =
            group.ended_at.map_or(String::new(), |end| duration_text(end.millis_since(group.at)));
        let loud = [Colour::Failed, Colour::Retrying].contains(&group.look.colour);
        let colour = if loud { group.look.colour } else { Colour::Plain };
        [
            Cell::new(group.look.glyph).colour(group.look.colour),
            Cell::new(numbers).colour(Colour::Muted),
            Cell::new(format!("+{}", duration_text(group.at.millis_since(started_at))))
                .colour(Colour::Muted),
            Cell::new(&group.subject).colour(colour),
            Cell::new(group.attempts.map_or(String::new(), |attempts| attempts.to_string()))
                .colour(colour),
            Cell::new(took),
            Cell::new(&group.outcome).colour(colour),
        ]
    }
}

#[cfg(test)]
mod tests;
