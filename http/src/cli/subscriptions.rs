//! `subscriptions list|show|create|delete|poll|ack|nack|park|parked|replay|discard`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;

use super::remote::{CliError, RemoteArgs, print, print_json};
use super::screen::{Colour, Screen};
use super::table::{Align, Cell, Table};
use crate::client::{Client, SettledEvents, SubscriptionInfo};
use crate::subscriptions::{NamedStart, OnPark, Partition, StartFrom, SubscriptionSettings};

/// What is done.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum SubscriptionsCommand {
    /// List the subscriptions with what waits in them.
    List(ListArgs),
    /// Show one with its settings.
    Show(NameArgs),
    /// Create one.
    Create(Box<CreateArgs>),
    /// Delete one with its checkpoint and its parked events.
    Delete(NameArgs),
    /// Take events as a consumer; a JSON document a line.
    Poll(PollArgs),
    /// Acknowledge events.
    Ack(TokensArgs),
    /// Have events tried again.
    Nack(NackArgs),
    /// Give events up until they are replayed.
    Park(ParkArgs),
    /// List parked events.
    Parked(NameArgs),
    /// Hand parked events out again.
    Replay(PositionsArgs),
    /// Settle parked events without another try.
    Discard(PositionsArgs),
}

/// The flags of `subscriptions list`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of commands on one subscription.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct NameArgs {
    /// The subscription.
    #[arg(value_name = "SUBSCRIPTION")]
    name: String,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `subscriptions create`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct CreateArgs {
    #[command(flatten)]
    target: NameArgs,
    /// Only events of this type; may be given more than once.
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only events with this tag; may be given more than once, and then all of them.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Only events in streams of this type; may be given more than once.
    #[arg(long = "stream-type", value_name = "TYPE")]
    stream_types: Vec<String>,
    /// Keep the order of events with the same tag PREFIX:…, instead of that of each stream.
    #[arg(long, value_name = "PREFIX")]
    by_tag: Option<String>,
    /// Begin behind the newest event.
    #[arg(long)]
    from_now: bool,
    /// Begin behind this position.
    #[arg(long, value_name = "POSITION", conflicts_with = "from_now")]
    after: Option<u64>,
    /// For how long an event is handed out, in milliseconds.
    #[arg(long, value_name = "MS")]
    lease_ms: Option<u64>,
    /// How often an event is handed out before it is parked.
    #[arg(long, value_name = "N")]
    max_attempts: Option<u32>,
    /// Let the lane of a parked event go on.
    #[arg(long)]
    continue_behind_parked: bool,
}

/// The flags of `subscriptions poll`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PollArgs {
    #[command(flatten)]
    target: NameArgs,
    /// Who takes them.
    #[arg(long, default_value = "cli", value_name = "NAME")]
    consumer: String,
    /// At most so many.
    #[arg(long, default_value_t = 10, value_name = "N")]
    max: usize,
    /// How long to wait for the first one, in milliseconds.
    #[arg(long, default_value_t = 0, value_name = "MS")]
    wait_ms: u64,
    /// Acknowledge them as soon as they are printed.
    #[arg(long)]
    ack: bool,
}

/// The flags of `subscriptions ack`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct TokensArgs {
    /// The subscription.
    #[arg(value_name = "SUBSCRIPTION")]
    name: String,
    /// Tokens of deliveries.
    #[arg(value_name = "TOKEN", required = true)]
    tokens: Vec<String>,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `subscriptions nack`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct NackArgs {
    #[command(flatten)]
    target: TokensArgs,
    /// Why.
    #[arg(long, default_value = "", value_name = "TEXT")]
    reason: String,
    /// After how long, in milliseconds; the subscription's own pause when absent.
    #[arg(long, value_name = "MS")]
    retry_after_ms: Option<u64>,
}

/// The flags of `subscriptions park`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ParkArgs {
    #[command(flatten)]
    target: TokensArgs,
    /// Why.
    #[arg(long, default_value = "", value_name = "TEXT")]
    reason: String,
}

/// The flags of `subscriptions replay` and `discard`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PositionsArgs {
    /// The subscription.
    #[arg(value_name = "SUBSCRIPTION")]
    name: String,
    /// Positions of parked events.
    #[arg(value_name = "POSITION", required_unless_present = "all", conflicts_with = "all")]
    positions: Vec<u64>,
    /// All of them.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl SubscriptionsCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::List(args) => args.remote.run(async |client| {
                let all = client.subscriptions().await?;
                match args.remote.json {
                    true => print_json(&serde_json::json!({ "subscriptions": all }))?,
                    false => print(&render(&all, Screen::stdout()))?,
                }
                Ok(ExitCode::SUCCESS)
            }),
            Self::Show(NameArgs { name, remote }) => remote.run(async |client| {
                show(&client.subscription(name).await?, remote.json)?;
                Ok(ExitCode::SUCCESS)
            }),
            Self::Create(args) => args.run(),
            Self::Delete(NameArgs { name, remote }) => remote.run(async |client| {
                client.delete_subscription(name).await?;
                said(remote.json, "deleted", name)
            }),
            Self::Poll(args) => args.run(),
            Self::Ack(TokensArgs { name, tokens, remote }) => {
                remote.run(async |client| settled(&client.ack_events(name, tokens).await?, remote))
            }
            Self::Nack(NackArgs { target, reason, retry_after_ms }) => {
                let TokensArgs { name, tokens, remote } = target;
                let after = retry_after_ms.map(Duration::from_millis);
                remote.run(async |client| {
                    settled(&client.nack_events(name, tokens, reason, after).await?, remote)
                })
            }
            Self::Park(ParkArgs { target, reason }) => {
                let TokensArgs { name, tokens, remote } = target;
                remote.run(async |client| {
                    settled(&client.park_events(name, tokens, reason).await?, remote)
                })
            }
            Self::Parked(args) => args.parked(),
            Self::Replay(args) => args.run("replayed", async |client, name, positions| {
                Ok(client.replay_parked(name, positions).await?)
            }),
            Self::Discard(args) => args.run("discarded", async |client, name, positions| {
                Ok(client.discard_parked(name, positions).await?)
            }),
        }
    }
}

fn said(json: bool, word: &str, name: &str) -> Result<ExitCode, CliError> {
    match json {
        true => print_json(&serde_json::json!({ word: name }))?,
        false => print(&format!("{word} subscription {name}"))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A late one is a failure: the consumer's word did not count.
fn settled(settled: &SettledEvents, remote: &RemoteArgs) -> Result<ExitCode, CliError> {
    match remote.json {
        true => print_json(settled)?,
        false => print(&format!("{} done, {} late", settled.done.len(), settled.late.len()))?,
    }
    Ok(if settled.late.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl CreateArgs {
    fn run(&self) -> ExitCode {
        let mut settings = SubscriptionSettings {
            start: match (self.from_now, self.after) {
                (true, _) => StartFrom::Named(NamedStart::Now),
                (false, Some(after)) => StartFrom::After(after),
                (false, None) => StartFrom::Absent,
            },
            ..SubscriptionSettings::default()
        };
        settings.filter.types.clone_from(&self.types);
        settings.filter.tags.clone_from(&self.tags);
        settings.filter.stream_types.clone_from(&self.stream_types);
        if let Some(prefix) = &self.by_tag {
            settings.partition_by = Partition::Tag(prefix.trim_end_matches(':').to_owned());
        }
        settings.lease_ms = self.lease_ms.unwrap_or(settings.lease_ms);
        settings.max_attempts = self.max_attempts.unwrap_or(settings.max_attempts);
        if self.continue_behind_parked {
            settings.on_park = OnPark::Continue;
        }
        let NameArgs { name, remote } = &self.target;
        remote.run(async |client| {
            let made = client.create_subscription(name, &settings).await?;
            match remote.json {
                true => print_json(&made)?,
                false => print(&format!("created subscription {name}"))?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl PollArgs {
    fn run(&self) -> ExitCode {
        let NameArgs { name, remote } = &self.target;
        remote.run(async |client| {
            let wait = Duration::from_millis(self.wait_ms);
            let polled =
                client.poll_subscription(name, &self.consumer, self.max, wait, &[]).await?;
            match remote.json {
                true => print_json(&serde_json::json!({ "deliveries": polled }))?,
                false => polled.iter().try_for_each(print_json)?,
            }
            if self.ack && !polled.is_empty() {
                let tokens: Vec<_> = polled.into_iter().map(|one| one.token).collect();
                client.ack_events(name, &tokens).await?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl NameArgs {
    fn parked(&self) -> ExitCode {
        let Self { name, remote } = self;
        remote.run(async |client| {
            let (mut after, mut all) = (None::<String>, Vec::new());
            loop {
                let page = client.parked_events(name, after.as_deref()).await?;
                all.extend(page.parked);
                after = page.next_page_token;
                if after.is_none() {
                    break;
                }
            }
            if remote.json {
                print_json(&serde_json::json!({ "parked": all }))?;
                return Ok(ExitCode::SUCCESS);
            }
            let columns = [
                ("POSITION", Align::Right),
                ("KEY", Align::Left),
                ("ATTEMPTS", Align::Right),
                ("PARKED", Align::Left),
                ("REASON", Align::Left),
            ];
            let mut table = Table::new(columns);
            for one in &all {
                table.row([
                    Cell::new(one.position.to_string()).colour(Colour::Strong),
                    Cell::new(&one.key),
                    Cell::new(one.attempts.to_string()),
                    Cell::new(&one.parked_at),
                    Cell::new(if one.is_behind { "(waits behind)" } else { &one.reason }),
                ]);
            }
            print(&table.render(Screen::stdout()))?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl PositionsArgs {
    fn run(
        &self,
        word: &str,
        act: impl AsyncFnOnce(&Client, &str, Option<&[u64]>) -> Result<u64, CliError>,
    ) -> ExitCode {
        self.remote.run(async |client| {
            let positions = (!self.all).then_some(self.positions.as_slice());
            let count = act(&client, &self.name, positions).await?;
            match self.remote.json {
                true => print_json(&serde_json::json!({ word: count }))?,
                false => print(&format!("{word} {count} events"))?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn show(info: &SubscriptionInfo, json: bool) -> Result<(), CliError> {
    if json {
        return print_json(info);
    }
    let settings = serde_json::to_string(&info.settings).unwrap_or_default();
    print(&format!("{}settings  {settings}", render(std::slice::from_ref(info), Screen::stdout())))
}

fn render(all: &[SubscriptionInfo], screen: Screen) -> String {
    let columns = [
        ("SUBSCRIPTION", Align::Left),
        ("STATE", Align::Left),
        ("LAG", Align::Right),
        ("IN FLIGHT", Align::Right),
        ("RESTING", Align::Right),
        ("PARKED", Align::Right),
        ("BEHIND", Align::Right),
        ("CHECKPOINT", Align::Right),
        ("ACKED", Align::Right),
        ("REASON", Align::Left),
    ];
    let mut table = Table::new(columns);
    for one in all {
        let colour = match one.status.as_str() {
            "stalled" => Colour::Failed,
            "caught_up" => Colour::Strong,
            _ => Colour::Running,
        };
        table.row([
            Cell::new(&one.name).colour(Colour::Strong),
            Cell::new(one.status.replace('_', " ")).colour(colour),
            Cell::new(one.lag.to_string()),
            Cell::new(one.in_flight.to_string()),
            Cell::new(one.resting.to_string()),
            Cell::new(one.parked.to_string()),
            Cell::new(one.behind.to_string()),
            Cell::new(one.checkpoint.to_string()),
            Cell::new(one.acknowledged.to_string()),
            Cell::new(one.reason.as_deref().unwrap_or_default()),
        ]);
    }
    table.render(screen)
}
