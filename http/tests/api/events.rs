//! `GET …/events`: server-sent events.

use axum::body::Body;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::support::{PATIENCE, TestServer};

/// Reads a stream of events one by one.
struct Stream {
    body: Body,
    read: String,
}

impl Stream {
    async fn open(server: &TestServer, path: &str, last: Option<&str>) -> Self {
        let headers: Vec<_> = last.iter().map(|last| ("last-event-id", *last)).collect();
        Self { body: server.open_stream(path, &headers).await, read: String::new() }
    }

    /// The next event's id and data; none at the end of the stream.
    async fn next(&mut self) -> Option<(u64, Value)> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.read = rest;
                if event == ":" {
                    continue;
                }
                let (id, data) = event.split_once('\n').unwrap();
                let id = id.strip_prefix("id: ").unwrap().parse().unwrap();
                let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
                return Some((id, data));
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.unwrap()?;
            let data = frame.unwrap().into_data().unwrap();
            self.read.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    async fn rest(mut self) -> Vec<(u64, Value)> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

#[tokio::test]
async fn a_closed_run_is_sent_whole_and_ends() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "chain", "id": "c", "input": {"steps": 80}})).await;
    server.result("c").await;
    let history = server.get("/api/v1/workflows/c/history").await.json(200);
    let events = Stream::open(&server, "/api/v1/workflows/c/events", None).await.rest().await;
    let sent: Vec<_> = events.iter().map(|(_, data)| data.clone()).collect();
    assert_eq!(Value::from(sent), history["events"]);
    assert!(events.iter().all(|(id, data)| data["event_id"] == *id));
}

#[tokio::test]
async fn an_open_run_is_sent_live() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    let mut stream = Stream::open(&server, "/api/v1/workflows/g/events", None).await;
    assert_eq!(stream.next().await.unwrap().1["type"], "workflow_started");
    let payload = "{\n\"line\": \"a\\nb\"\r\n}";
    server.post("/api/v1/workflows/g/signals/open", payload).await.json(202);
    let rest = stream.rest().await;
    assert_eq!(rest[0].1["type"], "signal_received");
    assert_eq!(rest[0].1["payload"], json!({"line": "a\nb"}));
    assert_eq!(rest.last().unwrap().1["type"], "workflow_completed");
}

#[tokio::test]
async fn resumes_after_the_last_event_that_was_received() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "chain", "id": "c", "input": {"steps": 5}})).await;
    server.result("c").await;
    let path = "/api/v1/workflows/c/events";
    let all = Stream::open(&server, path, None).await.rest().await;
    for last in [1, 7, all.len() - 1, all.len(), all.len() + 5] {
        let rest = Stream::open(&server, path, Some(&last.to_string())).await.rest().await;
        assert_eq!(rest, all[last.min(all.len())..], "after {last}");
    }
    assert_eq!(Stream::open(&server, path, Some("")).await.rest().await, all);
}

#[tokio::test]
async fn refuses_an_id_that_it_cannot_have_sent() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    for last in ["x", "-1", "1.5"] {
        let headers = [("last-event-id", last)];
        let path = "/api/v1/workflows/g/events";
        let reply = server.send(axum::http::Method::GET, path, &headers, "").await;
        reply.problem(400, "invalid_request");
    }
}
