//! Followers that take nothing: cut off within a bound, and none the worse for it.

use std::time::{Duration, Instant};

use everstep::DEFAULT_NAMESPACE;
use everstep::log::{Append, Expected, NewEvent, StreamId};
use serde_json::json;

use crate::support::TestServer;
use crate::wire::Wire;

/// More than the two sockets between client and server hold.
const EVENTS: u64 = 600;
const BYTES: usize = 64 << 10;

async fn append(server: &TestServer, event_type: &str) {
    let filler = "x".repeat(BYTES);
    for number in 1..=EVENTS {
        let data = json!({ "amount": 1, "number": number, "filler": filler });
        let event = NewEvent::new(event_type, data.to_string()).tag(format!("filler:{number:03}"));
        let stream = StreamId::new("Account", "a");
        let append = Append::to(stream, Expected::Any, vec![event]);
        server.engine.append(DEFAULT_NAMESPACE, append).await.unwrap();
    }
}

/// Begins to follow and reads no more than the beginning of the answer.
async fn follow(server: &TestServer, path: &str, after: Option<u64>) -> (Wire, Vec<u8>) {
    let wire = Wire::connect(server.address).await.unwrap();
    let address = server.address;
    let after = after.map_or_else(String::new, |after| format!("last-event-id: {after}\r\n"));
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         accept: text/event-stream\r\n{after}\r\n"
    );
    wire.send(request.as_bytes()).await;
    let begun = wire.read_some().await;
    assert!(begun.starts_with(b"HTTP/1.1 200 OK"), "{}", String::from_utf8_lossy(&begun));
    (wire, begun)
}

/// Reads until the server has nothing more, or the frame with this id has begun; the ids of all
/// frames that have.
async fn ids((wire, begun): (Wire, Vec<u8>), until: Option<u64>) -> Vec<u64> {
    let mut text = String::from_utf8_lossy(&begun).into_owned();
    let wanted = until.map(|until| format!("id: {until}\n"));
    loop {
        let part = wire.read_some().await;
        let from = text.len().saturating_sub(32);
        text.push_str(&String::from_utf8_lossy(&part));
        if part.is_empty() || wanted.as_ref().is_some_and(|wanted| text[from..].contains(wanted)) {
            break;
        }
    }
    let ids = text.lines().filter_map(|line| line.strip_prefix("id: "));
    ids.map(|id| id.trim().parse().unwrap()).collect()
}

#[tokio::test]
async fn a_follower_that_takes_nothing_is_cut_off_and_goes_on_where_it_was() {
    let server = TestServer::start().await;
    append(&server, "EntryPosted").await;
    let path = "/api/v1/events";
    let follower = follow(&server, path, Some(0)).await;
    is_cut_off_and_goes_on(&server, path, follower).await;
}

#[tokio::test]
async fn whoever_follows_a_view_and_takes_nothing_is_cut_off_and_goes_on_where_it_was() {
    let server = TestServer::start().await;
    // A row for each event, so that what was missed can be told.
    let path = "/api/v1/projections/fillers/events";
    let follower = follow(&server, path, None).await;
    append(&server, "Filled").await;
    is_cut_off_and_goes_on(&server, path, follower).await;
}

async fn is_cut_off_and_goes_on(server: &TestServer, path: &str, follower: (Wire, Vec<u8>)) {
    let begun = Instant::now();
    while !server.get("/metrics").await.text().contains("everstep_slow_followers_total 1") {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is not cut off");
    }
    // What was on its way comes, and then the end, far before the last event.
    let before = ids(follower, None).await;
    assert_eq!(before, (1..=before.len() as u64).collect::<Vec<_>>());
    assert!((before.len() as u64) < EVENTS, "everything fitted on the way");
    // The last frame may have been cut; the one before it was whole.
    let last = *before.last().unwrap() - 1;
    let after = ids(follow(server, path, Some(last)).await, Some(EVENTS)).await;
    assert_eq!(after, (last + 1..=EVENTS).collect::<Vec<_>>());
}
