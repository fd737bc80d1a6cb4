//! A row that a client follows and folds itself.

use std::time::Instant;

use cucumber::{given, then, when};
use everstep::client::{CommandInput, ReactiveProjection, ReactiveView, Sent};
use everstep::log::NewEvent;
use everstep::projections::{Category, Projection, ProjectionCode, ProjectionWorker};
use everstep::reactive::Notice;
use everstep::{AppendRequest, Payload, Worker};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Client, Duration, PATIENCE, Running, World};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Account {
    entries: usize,
    balance: i64,
}

const ACCOUNTS: Projection<Account> = Projection::new("accounts", Category::View);

/// What the server registers, and what the client folds with.
fn accounts() -> ProjectionCode {
    ACCOUNTS
        .row(
            |event| event.tags().map(str::to_owned).collect::<Vec<_>>(),
            |row, event| {
                let data: Value =
                    serde_json::from_slice(event.data()).map_err(|e| e.to_string())?;
                let mut row = row.unwrap_or_default();
                row.entries += 1;
                row.balance += data["amount"].as_i64().ok_or("no amount")?;
                Ok(Some(row))
            },
        )
        .events(["EntryPosted"])
}

pub(super) fn register(worker: Worker) -> Worker {
    worker.projection(accounts())
}

/// What a client follows, and what it was told.
#[derive(Debug, Default)]
pub(super) struct Followed {
    row: Option<ReactiveProjection<Account>>,
    notices: Vec<Notice>,
    sending: Option<tokio::task::JoinHandle<Sent>>,
    refusal: Option<String>,
}

impl Followed {
    /// Follows until the row is as wanted.
    async fn until(&mut self, wanted: impl Fn(&ReactiveView<Account>) -> bool) {
        let row = self.row.as_mut().unwrap();
        let begun = Instant::now();
        loop {
            let shown = row.view().unwrap();
            if wanted(&shown) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{shown:?}, {:?}", self.notices);
            // An error is the server that is not there; it is asked again.
            if let Ok(Ok(notices)) = tokio::time::timeout(PATIENCE, row.changed()).await {
                self.notices.extend(notices);
            }
        }
    }
}

fn entry(amount: i64) -> Value {
    json!({ "amount": amount })
}

async fn post(client: &Client, account: &str, amount: i64) {
    let event = json!({ "type": "EntryPosted", "data": entry(amount), "tags": [account] });
    let append = json!({ "expected_version": "any", "events": [event] });
    let append: AppendRequest = serde_json::from_value(append).unwrap();
    client.append(Some(&format!("Account:{account}")), &append, None).await.unwrap();
}

async fn until_status(client: &Client, wanted: impl Fn(&everstep::client::ProjectionInfo) -> bool) {
    let begun = Instant::now();
    while !wanted(&client.projections().await.unwrap()[0]) {
        assert!(begun.elapsed() < PATIENCE);
    }
}

#[given("the projection waits")]
#[when("the projection waits")]
async fn waits(world: &mut World) {
    world.client.pause_projection("accounts", "a backlog").await.unwrap();
    until_status(&world.client, |it| it.status == "paused").await;
}

#[when("the projection goes on")]
async fn goes_on(world: &mut World) {
    world.client.resume_projection("accounts").await.unwrap();
}

#[when(expr = "the projection has come to {int}")]
async fn has_come_to(world: &mut World, position: u64) {
    until_status(&world.client, |it| it.position == position).await;
}

#[when(regex = r#"^([\d, and]+) (?:is|are) posted to "(\w+)"$"#)]
async fn posted(world: &mut World, amounts: String, account: String) {
    for amount in amounts.split([',', ' ']).filter_map(|text| text.parse().ok()) {
        post(&world.client, &account, amount).await;
    }
}

#[when(regex = r#"^a client follows the row of "(\w+)"(?: with patience for (\d+) ms)?$"#)]
async fn follows(world: &mut World, account: String, patience: String) {
    let row = world.client.reactive_projection(ACCOUNTS, accounts(), account).await.unwrap();
    let row = match patience.parse() {
        Ok(ms) => row.patience(Duration::from_millis(ms)),
        Err(_) => row,
    };
    world.reactive.row = Some(row);
}

fn expected(world: &World, amount: i64) -> NewEvent {
    let key = world.reactive.row.as_ref().unwrap().key().to_owned();
    NewEvent::new("EntryPosted", entry(amount).to_string()).tag(key)
}

#[when(expr = "it expects {int} of command {string}")]
fn expects(world: &mut World, amount: i64, id: String) {
    let event = expected(world, amount);
    world.reactive.row.as_mut().unwrap().expect(id, &event);
}

#[when(expr = "it sends {string} and expects {int}")]
fn sends(world: &mut World, command: String, amount: i64) {
    let event = expected(world, amount);
    let row = world.reactive.row.as_mut().unwrap();
    let sending = row.send(&command, CommandInput::new(Payload::null()), &event);
    world.reactive.sending = Some(tokio::spawn(sending));
}

#[when("the command is answered")]
async fn answered(world: &mut World) {
    let sent = world.reactive.sending.take().unwrap().await.unwrap();
    let settled = world.reactive.row.as_mut().unwrap().settle(sent);
    world.reactive.refusal = settled.err().map(|error| error.code().to_owned());
}

#[then(expr = "it is refused as {string}")]
fn refused(world: &mut World, code: String) {
    assert_eq!(world.reactive.refusal, Some(code));
}

#[when("the server goes")]
async fn goes(world: &mut World) {
    let (stop, _) = tokio::sync::oneshot::channel();
    std::mem::replace(&mut world.server.stop, stop).send(()).unwrap();
    (&mut world.server.ended).await.unwrap();
}

#[when("the server comes back")]
async fn comes_back(world: &mut World) {
    world.server = Running::begin(&world.data, world.server.listen).await;
}

#[then(regex = r"^the client shows (\d+) entr(?:y|ies) of (\d+)$")]
async fn shows(world: &mut World, entries: usize, balance: i64) {
    let wanted = Account { entries, balance };
    world.reactive.until(|row| row.state.clone().unwrap_or_default() == wanted).await;
}

#[then("the client shows nothing")]
fn shows_nothing(world: &mut World) {
    assert_eq!(world.reactive.row.as_ref().unwrap().view().unwrap().state, None);
}

#[then("the server shows the same")]
async fn same(world: &mut World) {
    let row = world.reactive.row.as_ref().unwrap();
    let on_the_server = world.client.projection_row("accounts", row.key()).await.unwrap();
    let shown = row.view().unwrap();
    let state: Account = serde_json::from_value(on_the_server.state).unwrap();
    assert_eq!(shown.state, Some(state));
    let pending = usize::try_from(on_the_server.pending_events).unwrap();
    assert_eq!(
        (shown.durable_position, shown.pending_events),
        (on_the_server.durable_position, pending)
    );
    assert!(shown.is_optimistic && on_the_server.is_optimistic);
}

#[then(expr = "it is durable up to {int} with {int} pending")]
async fn durable(world: &mut World, position: u64, pending: usize) {
    let stands = |row: &ReactiveView<Account>| {
        (row.durable_position, row.pending_events, row.is_optimistic)
            == (position, pending, pending > 0)
    };
    world.reactive.until(stands).await;
}

#[then("it has 0 pending in the end")]
async fn converges(world: &mut World) {
    world.reactive.until(|row| row.pending_events == 0 && !row.is_optimistic).await;
}

#[then("no expectation was taken back")]
fn kept(world: &mut World) {
    assert!(
        !world.reactive.notices.iter().any(Notice::is_rollback),
        "{:?}",
        world.reactive.notices
    );
}

#[then(regex = r#"^the expectation of "(\w+)" is (in conflict|expired)$"#)]
fn became(world: &mut World, id: String, what: String) {
    let found: Vec<_> = world.reactive.notices.iter().filter(|it| it.id() == id).collect();
    let is_it = match found[..] {
        [Notice::Conflict { .. }] => what == "in conflict",
        [Notice::Expired { .. }] => what == "expired",
        _ => false,
    };
    assert!(is_it, "{found:?}");
}
