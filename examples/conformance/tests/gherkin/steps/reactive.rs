//! A row that a client follows and folds itself, beside a server that is killed.

use std::time::{Duration, Instant};

use conformance::{ACCOUNT_SUMMARIES, AccountSummary, account_summaries};
use cucumber::{then, when};
use everstep::client::{Client, ReactiveView};
use everstep::log::NewEvent;
use everstep::reactive::Notice;
use hyper::Method;
use serde_json::json;

use crate::world::World;

/// More than anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[when(regex = r#"^([\d, and]+) (?:is|are) posted to account "(\w+)"$"#)]
async fn posted(world: &mut World, amounts: String, account: String) {
    for amount in amounts.split([',', ' ']).filter_map(|text| text.parse::<i64>().ok()) {
        let event = json!({
            "type": "EntryPosted", "data": { "amount": amount },
            "tags": [format!("account:{account}")],
        });
        let append = json!({ "expected_version": "any", "events": [event] }).to_string();
        let path = format!("/api/v1/streams/Account:{account}/events");
        world.call(Method::POST, &path, Some(&append)).await;
        assert_eq!(world.status, 200, "{}", world.body);
    }
}

#[when(expr = "a client follows the row of account {string}")]
async fn follows(world: &mut World, account: String) {
    let client = Client::new(world.url()).unwrap().in_namespace(&world.namespace);
    let row = client.reactive_projection(ACCOUNT_SUMMARIES, account_summaries(), account).await;
    world.followed = Some(row.unwrap());
}

#[when(expr = "it expects {int} of command {string}")]
fn expects(world: &mut World, amount: i64, id: String) {
    let row = world.followed.as_mut().unwrap();
    let tag = format!("account:{}", row.key());
    let event = NewEvent::new("EntryPosted", json!({ "amount": amount }).to_string()).tag(tag);
    row.expect(id, &event);
}

/// Follows until the row is as wanted; answers what it was told meanwhile.
async fn until(
    world: &mut World,
    wanted: impl Fn(&ReactiveView<AccountSummary>) -> bool,
) -> Vec<Notice> {
    let row = world.followed.as_mut().unwrap();
    let (begun, mut told) = (Instant::now(), Vec::new());
    loop {
        let shown = row.view().unwrap();
        if wanted(&shown) {
            return told;
        }
        assert!(begun.elapsed() < PATIENCE, "{shown:?}, {told:?}");
        // An error is the server that is not there; it is asked again.
        if let Ok(Ok(notices)) = tokio::time::timeout(PATIENCE, row.changed()).await {
            told.extend(notices);
        }
    }
}

#[then(regex = r"^the client shows (\d+) entries of (\d+)$")]
async fn shows(world: &mut World, entries: u64, balance: i64) {
    let wanted = AccountSummary { entries, balance };
    until(world, |row| row.state.as_ref() == Some(&wanted)).await;
}

#[then(
    regex = r#"^the client comes to show (\d+) entries of (\d+), and is told that "(\w+)" is in conflict$"#
)]
async fn told(world: &mut World, entries: u64, balance: i64, id: String) {
    let wanted = AccountSummary { entries, balance };
    let told = until(world, |row| row.state.as_ref() == Some(&wanted)).await;
    let [notice @ Notice::Conflict { .. }] = &told[..] else { panic!("{told:?}") };
    assert_eq!(notice.id(), id);
}

#[then("all of it is durable in the end, and the server reads the same")]
async fn same(world: &mut World) {
    until(world, |row| row.pending_events == 0 && !row.is_optimistic).await;
    let row = world.followed.as_ref().unwrap();
    let (shown, path) =
        (row.view().unwrap(), format!("/api/v1/projections/accountSummaries/rows/{}", row.key()));
    world.call(Method::GET, &path, None).await;
    assert_eq!(world.body["state"], serde_json::to_value(shown.state).unwrap());
}
