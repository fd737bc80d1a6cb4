//! `events tail|read|show|append|state`: the event log.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;

use super::remote::{CliError, RemoteArgs, print, print_json};
use super::screen::Screen;
use super::table::{Align, Cell, Table};
use crate::client::EventFilter;
use crate::{
    AppendReceipt, AppendRequest, EventInput, ExpectedVersion, LogPage, LoggedEvent, Payload,
};

/// How long one request of `tail` waits for the next event.
const WAIT: Duration = Duration::from_secs(30);

/// What is done.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum EventsCommand {
    /// Print events as they come, until interrupted.
    Tail(TailArgs),
    /// Read events by position, or a stream's by version.
    Read(ReadArgs),
    /// Show one event.
    Show(ShowArgs),
    /// Append an event to a stream.
    Append(AppendArgs),
    /// Show the state of a stream's entity: now, at a version or at a time.
    State(StateArgs),
}

/// Which events.
#[derive(Clone, Debug, clap::Args)]
struct FilterArgs {
    /// One of these types; may be given more than once.
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// All of these tags; may be given more than once.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Only events after this position; with --stream, after this version.
    #[arg(long, value_name = "N")]
    after: Option<u64>,
    /// Data in the newest version of their schema, not as they were written.
    #[arg(long)]
    latest_schema: bool,
}

impl FilterArgs {
    fn filter(&self) -> EventFilter {
        EventFilter {
            types: self.types.clone(),
            tags: self.tags.clone(),
            after: self.after,
            latest_schema: self.latest_schema,
            ..EventFilter::default()
        }
    }
}

/// The flags of `events tail`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct TailArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// End after so many events.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `events read`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ReadArgs {
    /// The stream, `Type:id`; all events where none is named.
    #[arg(long, value_name = "STREAM", conflicts_with_all = ["types", "tags"])]
    stream: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// From the newest.
    #[arg(long)]
    backwards: bool,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `events show`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// The event's position.
    #[arg(value_name = "POSITION")]
    position: u64,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `events state`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct StateArgs {
    /// The stream, `Type:id`.
    #[arg(value_name = "STREAM")]
    stream: String,
    /// After so many events.
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    /// At this time, in RFC 3339.
    #[arg(long, value_name = "TIME", conflicts_with = "version")]
    at: Option<String>,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `events append`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct AppendArgs {
    /// The stream, `Type:id`.
    #[arg(value_name = "STREAM")]
    stream: String,
    /// What happened.
    #[arg(value_name = "TYPE")]
    event_type: String,
    /// What it says, as JSON.
    #[arg(value_name = "DATA", default_value = "null")]
    data: String,
    /// How many events the stream has; whatever it has where none is given.
    #[arg(long, value_name = "N")]
    expected_version: Option<u64>,
    /// What it is found by; may be given more than once.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// The event is stored once under this key, however often it is sent.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Sooner or later: durable when answered, tried five times, in the order of the stream.
    #[arg(long, requires = "idempotency_key")]
    durably: bool,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl EventsCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::Tail(args) => args.run(),
            Self::Read(args) => args.run(),
            Self::Show(args) => args.remote.run(async |client| {
                say_event(&args.remote, &client.log_event(args.position).await?)
            }),
            Self::Append(args) => args.run(),
            Self::State(args) => args.remote.run(async |client| {
                let at = args.at.as_deref();
                print_json(&client.stream_state(&args.stream, args.version, at).await?)?;
                Ok(ExitCode::SUCCESS)
            }),
        }
    }
}

impl TailArgs {
    fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let mut filter = self.filter.filter();
            if filter.after.is_none() {
                let newest = EventFilter { page_size: Some(1), ..EventFilter::default() };
                let page = client.log_events(&newest, Duration::ZERO).await?;
                filter.after = Some(page.last_position);
            }
            let mut left = self.limit.unwrap_or(usize::MAX);
            while left > 0 {
                let page = client.log_events(&filter, WAIT).await?;
                for event in page.events.iter().take(left) {
                    match self.remote.json {
                        true => print_json(event)?,
                        false => print(&line(event))?,
                    }
                }
                left = left.saturating_sub(page.events.len());
                let seen = page.events.last().map_or(page.last_position, |last| last.position);
                filter.after = filter.after.max(Some(seen));
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl ReadArgs {
    fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let mut filter = self.filter.filter();
            filter.backwards = self.backwards;
            filter.page_size = Some(self.limit.max(1));
            let page = match &self.stream {
                Some(stream) => client.stream_events(stream, &filter).await?,
                None => client.log_events(&filter, Duration::ZERO).await?,
            };
            say_page(&self.remote, &page)
        })
    }
}

impl AppendArgs {
    fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let data = Payload::parse(self.data.clone())
                .map_err(|error| CliError::Failed(format!("DATA is not json: {error}")))?;
            let event =
                EventInput { tags: self.tags.clone(), ..EventInput::new(&self.event_type, data) };
            let expected = self.expected_version.map(ExpectedVersion::Exactly);
            let append = AppendRequest {
                events: vec![event],
                expected_version: expected.or(Some(ExpectedVersion::ANY)),
                ..AppendRequest::default()
            };
            let key = self.idempotency_key.clone();
            if let Some(key) = key.as_deref().filter(|_| self.durably) {
                client.append_durably(&self.stream, key, &append).await?;
                match self.remote.json {
                    true => print_json(&serde_json::json!({ "accepted": key }))?,
                    false => print(&format!("{key} will be appended to {}", self.stream))?,
                }
                return Ok(ExitCode::SUCCESS);
            }
            say_receipt(&self.remote, &client.append(Some(&self.stream), &append, key).await?)
        })
    }
}

fn line(event: &LoggedEvent) -> String {
    let stream = event.stream.as_deref().unwrap_or("-");
    format!("{} {} {stream}@{} {}", event.position, event.event_type, event.version, event.data)
}

fn say_page(remote: &RemoteArgs, page: &LogPage) -> Result<ExitCode, CliError> {
    if remote.json {
        print_json(page)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new([
        ("POSITION", Align::Right),
        ("TYPE", Align::Left),
        ("STREAM", Align::Left),
        ("VERSION", Align::Right),
        ("RECORDED", Align::Left),
        ("DATA", Align::Left),
    ]);
    for event in &page.events {
        table.row([
            Cell::new(event.position.to_string()),
            Cell::new(&event.event_type),
            Cell::new(event.stream.as_deref().unwrap_or("-")),
            Cell::new(event.version.to_string()),
            Cell::new(event.recorded_at.to_string()),
            Cell::new(event.data.as_str()),
        ]);
    }
    print(&table.render(Screen::stdout()))?;
    if page.next_page_token.is_some() {
        print("more follow: --after goes on, --limit gives longer pages")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn say_event(remote: &RemoteArgs, event: &LoggedEvent) -> Result<ExitCode, CliError> {
    if remote.json {
        print_json(event)?;
    } else {
        let text = serde_json::to_string_pretty(event)
            .map_err(|error| CliError::Failed(error.to_string()))?;
        print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn say_receipt(remote: &RemoteArgs, receipt: &AppendReceipt) -> Result<ExitCode, CliError> {
    if remote.json {
        print_json(receipt)?;
        return Ok(ExitCode::SUCCESS);
    }
    let positions: Vec<String> = receipt.positions.iter().map(u64::to_string).collect();
    print(&format!("{} at position {}", receipt.status, positions.join(", ")))?;
    Ok(ExitCode::SUCCESS)
}
