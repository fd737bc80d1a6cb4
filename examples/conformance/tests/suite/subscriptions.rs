//! Consumers of one subscription over `kill -9`: nothing skipped, nothing settled twice, each lane
//! in its order.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use rand::RngExt;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::Worker;
use crate::support::Api;

const KILLS: u32 = 12;
const CONSUMERS: u32 = 4;
const LANES: u32 = 16;
const EVENTS: u64 = 600;

/// What everybody knows of what happened.
#[derive(Default)]
struct Seen {
    /// Positions by lane, in order.
    lanes: BTreeMap<String, Vec<u64>>,
    /// Handed out at least once.
    handed: HashSet<u64>,
    /// Acknowledged, as far as a consumer can say: that was sent, and maybe lost with the server.
    settled: HashSet<u64>,
    /// Deliveries in all.
    deliveries: u64,
}

/// Where the server is: it moves when it is killed.
type Place = watch::Receiver<Option<Api>>;

async fn server(place: &mut Place) -> Option<Api> {
    place.wait_for(Option::is_some).await.ok()?.clone()
}

/// Appends under a key until it is taken, so that a kill appends nothing twice.
async fn append(mut place: Place, first: u64, seen: Arc<Mutex<Seen>>) {
    for number in (first..EVENTS).step_by(3) {
        let lane = format!("Lane:{}", rand::rng().random_range(0..LANES));
        let path = format!("/api/v1/streams/{}/events", lane.replace(':', "%3A"));
        let body =
            json!({ "expected_version": "any", "events": [{ "type": "Noted", "data": number }] });
        loop {
            let Some(api) = server(&mut place).await else { return };
            let key = format!("e-{number}");
            let done = api.call(hyper::Method::POST, &path, Some(&body), Some(&key)).await;
            if let Ok(answer) = done
                && answer.status == 200
            {
                let position = answer.body["positions"][0].as_u64().unwrap();
                seen.lock().unwrap().lanes.entry(lane.clone()).or_default().push(position);
                break;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Polls, looks at the order, acknowledges; now and then refuses, or forgets.
async fn consume(mut place: Place, name: String, seen: Arc<Mutex<Seen>>) {
    let path = |tail: &str| format!("/api/v1/subscriptions/mailing/{tail}");
    loop {
        let Some(api) = server(&mut place).await else { return };
        let body = json!({ "consumer": name, "max": 5 });
        let post = async |tail: &str, body: &Value| {
            let path = path(tail);
            api.call(hyper::Method::POST, &path, Some(body), None).await.ok()
        };
        let Some(polled) = post("poll?wait_ms=200", &body).await else { continue };
        if polled.status != 200 {
            continue;
        }
        let deliveries = polled.body["deliveries"].as_array().unwrap();
        let (mut ack, mut nack) = (Vec::new(), Vec::new());
        for one in deliveries {
            let position = one["position"].as_u64().unwrap();
            let lane = one["key"].as_str().unwrap();
            {
                let mut seen = seen.lock().unwrap();
                seen.deliveries += 1;
                seen.handed.insert(position);
                let earlier = seen.lanes.get(lane).into_iter().flatten();
                let open: Vec<_> = earlier
                    .filter(|before| **before < position && !seen.settled.contains(before))
                    .collect();
                assert!(open.is_empty(), "{lane}: {position} was handed out before {open:?}");
            }
            match rand::rng().random_range(0..12) {
                0 => nack.push(one["token"].clone()),
                1 => {}
                _ => ack.push((position, one["token"].clone())),
            }
        }
        if !nack.is_empty() {
            post("nack", &json!({ "tokens": nack, "retry_after_ms": 20 })).await;
        }
        let tokens: Vec<_> = ack.iter().map(|(_, token)| token.clone()).collect();
        // Before it is sent: once the server has it, another consumer may be quicker than its answer.
        seen.lock().unwrap().settled.extend(ack.iter().map(|(at, _)| *at));
        post("ack", &json!({ "tokens": tokens })).await;
    }
}

#[tokio::test]
async fn every_event_is_settled_once_and_in_order_over_kills() {
    let mut worker = Worker::new().await;
    let made = json!({
        "name": "mailing", "filter": { "stream_types": ["Lane"] },
        "lease_ms": 400, "max_attempts": 1_000, "backoff_ms": 20, "max_backoff_ms": 50,
    });
    worker.api().post("/api/v1/subscriptions", &made).await.expect(201);
    let (moved, place) = watch::channel(Some(worker.api()));
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let mut consumers = tokio::task::JoinSet::new();
    for number in 0..CONSUMERS {
        consumers.spawn(consume(place.clone(), format!("c{number}"), Arc::clone(&seen)));
    }
    let mut writers = tokio::task::JoinSet::new();
    for first in 0..3 {
        writers.spawn(append(place.clone(), first, Arc::clone(&seen)));
    }
    for _ in 0..KILLS {
        let until = {
            let so_far = seen.lock().unwrap().deliveries;
            so_far + rand::rng().random_range(20..60)
        };
        // Until so many more were handed out, or there are none.
        while seen.lock().unwrap().deliveries < until {
            let status = worker.api().get("/api/v1/subscriptions/mailing").await.expect(200);
            if status["status"] == "caught_up" && writers.is_empty() {
                break;
            }
        }
        moved.send_replace(None);
        worker = worker.crash().await;
        moved.send_replace(Some(worker.api()));
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }
    let begun = std::time::Instant::now();
    let status = loop {
        let status = worker.api().get("/api/v1/subscriptions/mailing").await.expect(200);
        if status["status"] == "caught_up" {
            break status;
        }
        assert!(begun.elapsed().as_secs() < 60, "{status}");
        if let Some(ended) = consumers.try_join_next() {
            ended.unwrap();
        }
    };
    drop(moved);
    consumers.abort_all();
    while let Some(ended) = consumers.join_next().await {
        assert!(
            ended.is_ok() || ended.is_err_and(|error| error.is_cancelled()),
            "a consumer failed"
        );
    }
    assert_eq!(status["acknowledged"], EVENTS, "{status}");
    assert_eq!((&status["parked"], &status["checkpoint"]), (&json!(0), &json!(EVENTS)));
    let seen = seen.lock().unwrap();
    let appended: HashMap<u64, &str> = seen
        .lanes
        .iter()
        .flat_map(|(lane, positions)| positions.iter().map(|position| (*position, lane.as_str())))
        .collect();
    assert_eq!(appended.len() as u64, EVENTS);
    assert!(appended.keys().all(|position| seen.handed.contains(position)));
}
