//! `schedule list`, `schedule show` and `schedule preview`.

use std::fmt::Write;
use std::process::ExitCode;

use super::arguments::SpecArgs;
use crate::cli::look::Look;
use crate::cli::remote::{CliError, RemoteArgs, print, print_json};
use crate::cli::screen::{Colour, Screen, printable};
use crate::cli::span::{age_text, instant_text, now};
use crate::cli::table::{Align, Cell, Table};
use crate::{
    ScheduleDescription, ScheduleHealthState, SchedulePage, ScheduleSpec, Timestamp, Upcoming,
};

/// The largest page that is asked for at once.
const PAGE: usize = 500;

/// The flags of `schedule list`.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct ListArgs {
    /// Only schedules whose id begins so.
    #[arg(long, value_name = "TEXT")]
    id_prefix: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `schedule show`.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct ShowArgs {
    /// The schedule's id.
    #[arg(value_name = "SCHEDULE_ID")]
    id: String,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `schedule preview`.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct PreviewArgs {
    #[command(flatten)]
    spec: SpecArgs,
    /// The id that the schedule would have; jitter depends on it.
    #[arg(long, value_name = "SCHEDULE_ID")]
    id: Option<String>,
    /// From when on; now where nothing is said.
    #[arg(long, value_name = "TIME")]
    after: Option<Timestamp>,
    /// How many firings.
    #[arg(long, default_value_t = 5, value_name = "N")]
    count: usize,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl ListArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let mut found = SchedulePage::default();
            loop {
                let size = PAGE.min(self.limit - found.schedules.len()).max(1);
                let token = found.next_page_token.as_deref();
                let page = client.schedules(self.id_prefix.as_deref(), Some(size), token).await?;
                found.schedules.extend(page.schedules);
                found.next_page_token = page.next_page_token;
                if found.next_page_token.is_none() || found.schedules.len() >= self.limit {
                    break;
                }
            }
            match self.remote.json {
                true => print_json(&found)?,
                false => print(&table(&found, Screen::stdout(), now()))?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl ShowArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let schedule = client.schedule(&self.id).await?;
            match self.remote.json {
                true => print_json(&schedule)?,
                false => print_schedule(&schedule)?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl PreviewArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let (id, spec) = (self.id.as_deref(), self.spec.spec());
            let firings = client.preview_schedule(id, &spec, self.after, self.count).await?;
            if self.remote.json {
                print_json(&serde_json::json!({ "upcoming": firings }))?;
                return Ok(ExitCode::SUCCESS);
            }
            let mut text = String::new();
            for firing in &firings {
                let _ = writeln!(text, "{}", firing_text(firing));
            }
            print(&text)?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// Prints one schedule for people.
pub(super) fn print_schedule(schedule: &ScheduleDescription) -> Result<(), CliError> {
    print(&describe(schedule, Screen::stdout(), now()))
}

fn colour(state: ScheduleHealthState) -> Colour {
    match state {
        ScheduleHealthState::Ok => Colour::Completed,
        ScheduleHealthState::Paused => Colour::Waiting,
        ScheduleHealthState::Finished => Colour::Muted,
        _ => Colour::Failed,
    }
}

fn word(state: ScheduleHealthState) -> &'static str {
    match state {
        ScheduleHealthState::Ok => "ok",
        ScheduleHealthState::Paused => "paused",
        ScheduleHealthState::Blocked => "blocked",
        ScheduleHealthState::Refused => "refused",
        ScheduleHealthState::Late => "late",
        ScheduleHealthState::Finished => "finished",
    }
}

/// When it fires, in short.
fn when(spec: &ScheduleSpec) -> String {
    let mut parts = spec.cron.clone();
    parts.extend(
        spec.interval_ms.map(|ms| format!("every {}", crate::cli::span::duration_text(ms))),
    );
    if !spec.calendars.is_empty() {
        parts.push(format!("{} calendars", spec.calendars.len()));
    }
    let mut text = parts.join(", ");
    if let Some(zone) = &spec.timezone {
        let _ = write!(text, " {zone}");
    }
    text
}

fn table(page: &SchedulePage, screen: Screen, now: Timestamp) -> String {
    if page.schedules.is_empty() {
        return "no schedules\n".to_owned();
    }
    let mut table = Table::new([
        ("HEALTH", Align::Left),
        ("SCHEDULE", Align::Left),
        ("STARTS", Align::Left),
        ("WHEN", Align::Left),
        ("NEXT", Align::Right),
        ("RUNS", Align::Right),
        ("MESSAGE", Align::Left),
    ]);
    for schedule in &page.schedules {
        let state = schedule.health.state;
        let next = schedule.upcoming.first().filter(|_| !schedule.paused);
        table.row([
            Cell::new(word(state)).colour(colour(state)),
            Cell::new(&schedule.id),
            Cell::new(&schedule.action.workflow_type),
            Cell::new(when(&schedule.spec)),
            Cell::new(next.map_or(String::new(), |next| age_text(next.fires_at, now))),
            Cell::new(schedule.counters.started.to_string()),
            Cell::new(&schedule.health.message),
        ]);
    }
    table.render(screen)
}

fn describe(schedule: &ScheduleDescription, screen: Screen, now: Timestamp) -> String {
    let mut text = String::new();
    let state = schedule.health.state;
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<10} {}", printable(value));
    };
    line("schedule", &schedule.id);
    line("starts", &schedule.action.workflow_type);
    line("when", &when(&schedule.spec));
    line("overlap", schedule.overlap.name());
    if let Some(remaining) = schedule.remaining {
        line("remaining", &remaining.to_string());
    }
    if let Some(note) = &schedule.note {
        line("note", note);
    }
    for (index, firing) in schedule.upcoming.iter().enumerate() {
        line(if index == 0 { "next" } else { "" }, &firing_text(firing));
    }
    let counters = &schedule.counters;
    line(
        "firings",
        &format!(
            "{} started, {} skipped, {} dropped, {} missed, {} refused, {} while paused",
            counters.started,
            counters.skipped,
            counters.dropped,
            counters.missed,
            counters.refused,
            counters.paused_over
        ),
    );
    if schedule.buffered > 0 {
        line("waiting", &format!("{} of at most {}", schedule.buffered, schedule.buffer_limit));
    }
    let health = screen.paint(colour(state), word(state));
    let _ = writeln!(text, "{:<10} {health}: {}", "health", printable(&schedule.health.message));
    for (index, run) in schedule.recent.iter().enumerate() {
        let name = if index == 0 { "runs" } else { "" };
        let look = Look::of_status(run.status).paint(screen);
        let started = age_text(run.started_at, now);
        let _ = writeln!(text, "{name:<10} {look} {} {started}", printable(&run.workflow_id));
    }
    text
}

fn firing_text(firing: &Upcoming) -> String {
    let at = instant_text(firing.scheduled_at);
    match firing.fires_at.millis_since(firing.scheduled_at) {
        0 => at,
        late => format!("{at} + {}", crate::cli::span::duration_text(late)),
    }
}
