//! Subscriptions over HTTP: lanes, leases, pauses, parked events, and what tells a stalled one.

use axum::http::Method;
use everstep::DEFAULT_NAMESPACE;
use everstep::log::{Append, Expected, NewEvent, StreamId};
use serde_json::{Value, json};

use crate::support::TestServer;

const ALL: &str = "/api/v1/subscriptions";
const MINE: &str = "/api/v1/subscriptions/mailing";

/// One event in each of these streams, in this order.
async fn append(server: &TestServer, streams: &[&str]) {
    for stream in streams {
        let event = NewEvent::new("OrderSubmitted", json!({ "of": stream }).to_string())
            .tag(format!("customer:{}", &stream[..1]));
        let append = Append::to(StreamId::new("Order", *stream), Expected::Any, vec![event]);
        server.engine.append(DEFAULT_NAMESPACE, append).await.unwrap();
    }
}

async fn create(server: &TestServer, mut settings: Value) -> Value {
    settings["name"] = "mailing".into();
    server.post(ALL, settings.to_string()).await.json(201)
}

async fn advance(server: &TestServer, ms: u64) {
    let body = json!({ "ms": ms }).to_string();
    server.post("/test/clock/advance", body).await.json(200);
}

async fn call(server: &TestServer, tail: &str, body: Value) -> Value {
    server.post(&format!("{MINE}/{tail}"), body.to_string()).await.json(200)
}

async fn poll(server: &TestServer, max: u64) -> Vec<Value> {
    let polled = call(server, "poll?wait_ms=0", json!({ "consumer": "c", "max": max })).await;
    polled["deliveries"].as_array().unwrap().clone()
}

fn positions(deliveries: &[Value]) -> Vec<u64> {
    deliveries.iter().map(|one| one["position"].as_u64().unwrap()).collect()
}

fn tokens(deliveries: &[Value]) -> Value {
    json!({ "tokens": deliveries.iter().map(|one| one["token"].clone()).collect::<Vec<_>>() })
}

#[tokio::test]
async fn a_lane_goes_on_when_its_event_is_acknowledged() {
    let server = TestServer::start().await;
    append(&server, &["a1", "b1", "a1", "a2"]).await;
    let made = create(&server, json!({ "partition_by": "tag:customer" })).await;
    assert_eq!((&made["lag"], &made["settings"]["on_park"]), (&json!(4), &json!("hold")));
    let first = poll(&server, 10).await;
    assert_eq!(positions(&first), [1, 2]);
    assert_eq!(first[0]["event"]["data"], json!({ "of": "a1" }));
    assert_eq!((&first[0]["key"], &first[0]["attempt"]), (&json!("customer:a"), &json!(1)));
    assert!(poll(&server, 10).await.is_empty());
    // Acknowledged and asked for more in one request.
    let body = json!({ "max": 10, "ack": tokens(&first)["tokens"] });
    let polled = call(&server, "poll", body).await;
    assert_eq!(polled["acknowledged"], json!({ "done": [1, 2], "late": [] }));
    assert_eq!(positions(polled["deliveries"].as_array().unwrap()), [3]);
    let again = call(&server, "ack", tokens(&first)).await;
    assert_eq!(again, json!({ "done": [1, 2], "late": [] }));
}

#[tokio::test]
async fn a_poll_waits_for_the_first_event() {
    let server = TestServer::start().await;
    create(
        &server,
        json!({ "filter": { "types": ["OrderSubmitted"], "stream_types": ["Order"] } }),
    )
    .await;
    let path = format!("{MINE}/poll?wait_ms=30000");
    let waiting = server.post(&path, r#"{"max": 5}"#);
    let appending = async {
        // Not before the poll waits.
        while server.get(MINE).await.json(200)["polling"] != 1 {}
        append(&server, &["a"]).await;
    };
    let (polled, ()) = tokio::join!(waiting, appending);
    assert_eq!(positions(polled.json(200)["deliveries"].as_array().unwrap()), [1]);
}

#[tokio::test]
async fn what_is_not_settled_in_time_is_handed_out_again() {
    let server = TestServer::start_with_manual_clock().await;
    append(&server, &["a", "a"]).await;
    create(&server, json!({ "lease_ms": 1_000, "max_attempts": 3, "backoff_ms": 500 })).await;
    let first = poll(&server, 1).await;
    advance(&server, 1_000).await;
    let second = poll(&server, 1).await;
    assert_eq!((positions(&second), &second[0]["attempt"]), (vec![1], &json!(2)));
    let late = call(&server, "ack", tokens(&first)).await;
    assert_eq!(late, json!({ "done": [], "late": [1] }));
    // Refused: after half a second, doubled since it is the second try.
    let mut refusal = tokens(&second);
    refusal["reason"] = "down".into();
    call(&server, "nack", refusal).await;
    let status = server.get(MINE).await.json(200);
    assert_eq!((&status["status"], &status["resting"]), (&json!("retrying"), &json!(1)));
    advance(&server, 999).await;
    assert!(poll(&server, 1).await.is_empty());
    advance(&server, 1).await;
    let third = poll(&server, 1).await;
    assert_eq!(third[0]["attempt"], 3);
    // Kept for longer than its time.
    let mut longer = tokens(&third);
    longer["lease_ms"] = 5_000.into();
    assert_eq!(call(&server, "extend", longer).await["done"], json!([1]));
    advance(&server, 4_999).await;
    assert!(poll(&server, 1).await.is_empty());
    assert_eq!(call(&server, "ack", tokens(&third)).await["done"], json!([1]));
    assert_eq!(positions(&poll(&server, 1).await), [2]);
}

#[tokio::test]
async fn parked_events_are_listed_replayed_and_discarded() {
    let server = TestServer::start_with_manual_clock().await;
    append(&server, &["a", "a", "b", "a"]).await;
    create(&server, json!({ "max_attempts": 1 })).await;
    let first = poll(&server, 10).await;
    let mut refusal = tokens(&first[..1]);
    refusal["reason"] = "no such product".into();
    call(&server, "nack", refusal).await;
    call(&server, "ack", tokens(&first[1..])).await;
    let parked = server.get(&format!("{MINE}/parked")).await.json(200)["parked"].take();
    let brief =
        |one: &Value| (one["position"].clone(), one["reason"].clone(), one["is_behind"].clone());
    assert_eq!(brief(&parked[0]), (json!(1), json!("no such product"), json!(false)));
    assert_eq!((&parked[1]["position"], &parked[1]["is_behind"]), (&json!(2), &json!(true)));
    let status = server.get(MINE).await.json(200);
    let counts =
        (&status["parked"], &status["behind"], &status["held_lanes"], &status["checkpoint"]);
    assert_eq!(counts, (&json!(1), &json!(2), &json!(1), &json!(4)));
    assert!(poll(&server, 10).await.is_empty());

    let replayed = call(&server, "parked/replay", json!({ "positions": [1, 99] })).await;
    assert_eq!(replayed, json!({ "replayed": 1 }));
    let again = poll(&server, 10).await;
    assert_eq!((positions(&again), &again[0]["attempt"]), (vec![1], &json!(2)));
    let mut parking = tokens(&again);
    parking["reason"] = "still not".into();
    call(&server, "park", parking).await;
    assert_eq!(call(&server, "parked/discard", json!({ "positions": [1] })).await["discarded"], 1);
    for expected in [2, 4] {
        let next = poll(&server, 10).await;
        assert_eq!(positions(&next), [expected]);
        call(&server, "ack", tokens(&next)).await;
    }
    let status = server.get(MINE).await.json(200);
    let done = (&status["status"], &status["parked"], &status["acknowledged"]);
    assert_eq!(done, (&json!("caught_up"), &json!(0), &json!(3)));
    let page = server.get("/ui/subscriptions/mailing").await;
    assert!(page.text().contains("Caught up"), "{}", page.text());
}

#[tokio::test]
async fn a_stalled_one_is_told_from_an_idle_one() {
    let server = TestServer::start_with_manual_clock().await;
    create(&server, json!({ "filter": { "types": ["OrderSubmitted"] }, "stall_after_ms": 60_000 }))
        .await;
    let status = async || server.get(MINE).await.json(200);
    advance(&server, 3_600_000).await;
    assert_eq!(status().await["status"], "caught_up");
    append(&server, &["a"]).await;
    assert_eq!(status().await["status"], "active");
    advance(&server, 60_000).await;
    let stalled = status().await;
    assert_eq!(
        (&stalled["status"], &stalled["reason"]),
        (&json!("stalled"), &json!("no consumer polls"))
    );
    let ready = server.get("/health/ready").await.json(200);
    let warning = &ready["warnings"][0];
    assert_eq!(
        (&ready["status"], &warning["component"], &warning["count"]),
        (&json!("ready"), &json!("subscriptions"), &json!(1))
    );
    let metrics = server.get("/metrics").await.text();
    let line = "everstep_subscription_stalled{namespace=\"default\",subscription=\"mailing\"} 1";
    assert!(metrics.lines().any(|found| found == line), "{metrics}");
    let page = server.get("/ui/subscriptions").await;
    assert!(page.text().contains("Stalled"), "{}", page.text());
    // With a consumer it is at work; refused, it rests; neither is stalled.
    let handed = poll(&server, 1).await;
    assert_eq!(status().await["status"], "active");
    let mut refusal = tokens(&handed);
    refusal["retry_after_ms"] = 100_000.into();
    call(&server, "nack", refusal).await;
    advance(&server, 90_000).await;
    assert_eq!(status().await["status"], "retrying");
    advance(&server, 10_000).await;
    assert_eq!(status().await["status"], "stalled");
    call(&server, "ack", tokens(&poll(&server, 1).await)).await;
    advance(&server, 3_600_000).await;
    assert_eq!(status().await["status"], "caught_up");
}

#[tokio::test]
async fn everything_is_kept_over_a_restart() {
    let server = TestServer::start().await;
    append(&server, &["a", "b", "a", "c"]).await;
    create(&server, json!({})).await;
    let first = poll(&server, 10).await;
    assert_eq!(positions(&first), [1, 2, 4]);
    call(&server, "ack", tokens(&first[2..])).await;
    let server = server.restart().await;
    // What was handed out still is, what was acknowledged stays so.
    assert!(poll(&server, 10).await.is_empty());
    assert_eq!(call(&server, "ack", tokens(&first)).await["done"], json!([1, 2, 4]));
    assert_eq!(positions(&poll(&server, 10).await), [3]);
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let server = TestServer::start().await;
    create(&server, json!({ "max_attempts": 3 })).await;
    let same = json!({ "name": "mailing", "max_attempts": 3 }).to_string();
    server.post(ALL, same).await.json(200);
    let other = json!({ "name": "mailing", "max_attempts": 4 }).to_string();
    server.post(ALL, other).await.problem(409, "subscription_already_exists");
    let changed = json!({ "max_attempts": 7, "on_park": "continue" }).to_string();
    let changed = server.send(Method::PUT, MINE, &[], changed).await.json(200);
    assert_eq!(changed["settings"]["max_attempts"], 7);
    let lanes = json!({ "partition_by": "tag:x" }).to_string();
    let refused = server.send(Method::PUT, MINE, &[], lanes).await;
    refused.problem(409, "subscription_already_exists");
    for (body, status, code) in [
        (json!({}), 400, "invalid_request"),
        (json!({ "name": "a/b" }), 422, "invalid_subscription"),
        (json!({ "name": "x", "max_in_flight": 0 }), 422, "invalid_subscription"),
        (json!({ "name": "x", "partition_by": "hour" }), 400, "invalid_request"),
        (json!({ "name": "x", "colour": "red" }), 400, "invalid_request"),
    ] {
        server.post(ALL, body.to_string()).await.problem(status, code);
    }
    server
        .post(&format!("{MINE}/ack"), r#"{"tokens": ["x"]}"#)
        .await
        .problem(400, "invalid_request");
    server.post(&format!("{MINE}/poll"), r#"{"max": 0}"#).await.problem(400, "invalid_request");
    server.post(&format!("{MINE}/parked/replay"), "{}").await.problem(400, "invalid_request");
    for path in ["none", "none/parked"] {
        server.get(&format!("{ALL}/{path}")).await.problem(404, "subscription_not_found");
    }
    server.post(&format!("{ALL}/none/poll"), "").await.problem(404, "subscription_not_found");
    assert_eq!(server.send(Method::DELETE, MINE, &[], "").await.status, 204);
    server.get(MINE).await.problem(404, "subscription_not_found");
    server.post(&format!("{MINE}/poll"), "").await.problem(404, "subscription_not_found");
}
