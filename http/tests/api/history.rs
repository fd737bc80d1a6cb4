//! `GET …/history`: pages and waiting for more.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::TestServer;

fn ids(page: &Value) -> Vec<u64> {
    let events = page["events"].as_array().unwrap();
    events.iter().map(|event| event["event_id"].as_u64().unwrap()).collect()
}

fn types(page: &Value) -> Vec<&str> {
    let events = page["events"].as_array().unwrap();
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn tells_what_happened() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "chain", "id": "c", "input": {"steps": 1}})).await;
    server.result("c").await;
    let page = server.get("/api/v1/workflows/c/history").await.json(200);
    assert_eq!(
        types(&page),
        [
            "workflow_started",
            "activity_scheduled",
            "activity_started",
            "activity_completed",
            "workflow_completed"
        ]
    );
    assert_eq!(ids(&page), [1, 2, 3, 4, 5]);
    let events = &page["events"];
    assert_eq!(events[0]["input"], json!({"steps": 1}));
    assert_eq!(events[1]["input"], 0);
    assert_eq!(events[2]["attempt"], 1);
    assert_eq!(events[3]["activity_id"], events[1]["activity_id"]);
    assert_eq!(events[3]["result"], 0);
    assert_eq!(events[4]["result"], json!({"steps": 1}));
    assert!(events[4]["at"].as_str().unwrap().ends_with('Z'));
    assert!(page.get("next_page_token").is_none());
}

#[tokio::test]
async fn comes_in_pages() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "chain", "id": "c", "input": {"steps": 9}})).await;
    server.result("c").await;
    let whole = server.get("/api/v1/workflows/c/history").await.json(200);
    let (mut collected, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/workflows/c/history?page_size=4&page_token={token}");
        let page = server.get(&path).await.json(200);
        assert!(ids(&page).len() <= 4);
        collected.extend(page["events"].as_array().unwrap().iter().cloned());
        match page.get("next_page_token") {
            Some(next) => next.as_str().unwrap().clone_into(&mut token),
            None => break,
        }
    }
    assert_eq!(Value::from(collected), whole["events"]);
    let tail = server.get("/api/v1/workflows/c/history?from=27&page_size=99999").await.json(200);
    assert_eq!(ids(&tail), [27, 28, 29]);
    let beyond = server.get("/api/v1/workflows/c/history?from=30").await.json(200);
    assert_eq!(beyond, json!({"events": []}));
}

#[tokio::test]
async fn refuses_bad_parameters() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    for query in [
        "from=0",
        "from=-1",
        "from=x",
        "from=",
        "page_size=0",
        "page_size=-5",
        "page_size=ten",
        "page_token=x",
        "page_token=0",
        "page_token=-1",
        "follow_ms=-1",
        "follow_ms=soon",
    ] {
        let path = format!("/api/v1/workflows/g/history?{query}");
        server.get(&path).await.problem(400, "invalid_request");
    }
}

#[tokio::test]
async fn follow_waits_for_the_next_event() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    let now = server.get("/api/v1/workflows/g/history?follow_ms=60000").await.json(200);
    let next = ids(&now).last().unwrap() + 1;

    let begun = Instant::now();
    let path = format!("/api/v1/workflows/g/history?from={next}&follow_ms=50");
    assert_eq!(server.get(&path).await.json(200), json!({"events": []}));
    assert!(begun.elapsed() >= Duration::from_millis(50));

    let path = format!("/api/v1/workflows/g/history?from={next}&follow_ms=60000");
    let (page, _) = tokio::join!(
        server.get(&path),
        server.post("/api/v1/workflows/g/signals/open", r#"{"a" : 1}"#),
    );
    let page = page.json(200);
    assert_eq!(types(&page)[0], "signal_received");
    assert_eq!(page["events"][0]["payload"], json!({"a": 1}));

    server.result("g").await;
    let closed = server.get("/api/v1/workflows/g/history?from=99&follow_ms=60000").await;
    assert_eq!(closed.json(200), json!({"events": []}));
}
