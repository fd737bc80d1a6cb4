//! How a server ends.

use std::time::{Duration, Instant};

use everstep::server::ServerError;
use serde_json::json;

use crate::support::TestServer;
use crate::wire::Wire;

/// Sends a request on a connection of its own and waits until the server is at it.
async fn hanging(server: &TestServer, request: &str) -> Wire {
    let before = server.open_connections().await;
    let wire = Wire::connect(server.address).await.unwrap();
    wire.send(request.as_bytes()).await;
    while server.open_connections().await <= before {
        tokio::task::yield_now().await;
    }
    wire
}

#[tokio::test]
async fn long_polls_are_answered_early() {
    let mut server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    let page = server.get("/api/v1/workflows/g/history").await.json(200);
    let next = page["events"].as_array().unwrap().len() + 1;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let result = hanging(&server, &get("/api/v1/workflows/g/result?wait_ms=60000")).await;
    let follow = format!("/api/v1/workflows/g/history?from={next}&follow_ms=60000");
    let follow = hanging(&server, &get(&follow)).await;
    let events = hanging(&server, &get("/api/v1/workflows/g/events")).await;
    let body = r#"{"type":"gate","id":"h"}"#;
    let start = hanging(
        &server,
        &format!(
            "POST /api/v1/workflows?wait_ms=60000 HTTP/1.1\r\nhost: localhost\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        ),
    )
    .await;
    server.get("/api/v1/workflows/h/history?follow_ms=30000").await;

    let begun = Instant::now();
    server.ask_to_stop();
    let result = result.read_text().await;
    assert!(result.starts_with("HTTP/1.1 202") && result.contains(r#""running""#), "{result}");
    let follow = follow.read_text().await;
    assert!(follow.starts_with("HTTP/1.1 200") && follow.contains(r#""events":[]"#), "{follow}");
    let events = events.read_text().await;
    assert!(events.starts_with("HTTP/1.1 200") && events.contains("id: 1\n"), "{events}");
    let start = start.read_text().await;
    assert!(start.starts_with("HTTP/1.1 201") && start.contains(r#""running""#), "{start}");
    assert!(begun.elapsed() < Duration::from_secs(9), "it waited for the grace to end");
    server.stop().await;
}

#[tokio::test]
async fn requests_in_flight_are_finished() {
    let mut server = TestServer::start().await;
    let body = r#"{"type":"echo","id":"last","input":1}"#;
    let head = format!(
        "POST /api/v1/workflows HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\
         expect: 100-continue\r\n\r\n",
        body.len()
    );
    let wire = hanging(&server, &head).await;
    // The server asks for the body: the request is in flight.
    let asked = wire.read_some().await;
    assert!(asked.starts_with(b"HTTP/1.1 100"));
    server.ask_to_stop();
    while Wire::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    wire.send(body.as_bytes()).await;
    let answer = wire.read_text().await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let server = server.restart().await;
    assert_eq!(server.result("last").await["result"], 1);
}

#[tokio::test]
async fn a_store_that_stops_ends_the_server() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    server.engine.store().close();
    let body = json!({"type": "gate", "id": "h"}).to_string();
    let reply = server.post("/api/v1/workflows", body).await;
    reply.problem(503, "unavailable");
    assert_eq!(reply.headers["retry-after"], "1");
    let error = server.ended().await.unwrap_err();
    assert!(matches!(error, ServerError::Stopped(_)), "{error}");
}
