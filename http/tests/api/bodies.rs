//! Bodies that are not what they should be.

use std::time::Duration;

use axum::http::Method;
use serde_json::json;

use crate::support::TestServer;
use crate::wire::Wire;

const WORKFLOWS: &str = "/api/v1/workflows";

#[tokio::test]
async fn what_is_not_json_is_malformed() {
    let server = TestServer::start().await;
    for body in [
        &b""[..],
        b"{",
        b"{\"type\":\"echo\"",
        b"{\"type\":\"echo\",}",
        b"{'type':'echo'}",
        b"type=echo",
        b"{\"type\":\"echo\",\"input\":01}",
        b"{\"type\":\"echo\",\"input\":NaN}",
        b"{\"type\":\"echo\",\"input\":\"\xff\"}",
        b"{\"type\":\"echo\",\"input\":\"\n\"}",
        b"{\"type\":\"echo\"} trailing",
        b"\xef\xbb\xbf{\"type\":\"echo\"}",
        b"\0",
    ] {
        server.post(WORKFLOWS, body).await.problem(400, "malformed_json");
    }
    assert_eq!(server.get(WORKFLOWS).await.json(200), json!({"workflows": []}));
}

#[tokio::test]
async fn the_content_type_does_not_matter() {
    let server = TestServer::start().await;
    for kind in ["text/plain", "application/xml", "multipart/form-data", "nonsense", ""] {
        let headers = [("content-type", kind)];
        let reply = server.send(Method::POST, WORKFLOWS, &headers, r#"{"type":"echo"}"#).await;
        reply.json(201);
    }
    server.send(Method::POST, WORKFLOWS, &[], r#"{"type":"echo"}"#).await.json(201);
}

#[tokio::test]
async fn deep_nesting_harms_nobody() {
    let server = TestServer::start().await;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let wait = format!("{WORKFLOWS}?wait_ms=30000");
    let body = format!(r#"{{"type":"echo","input":{}}}"#, deep(100_000));
    let reply = server.post(&wait, body).await;
    assert_eq!(reply.status, 201);
    assert!(reply.text().contains(&deep(100_000)));
    for body in [
        deep(1_000_000),
        "[".repeat(1_000_000),
        r#"{"a":"#.repeat(500_000),
        format!(r#"{{"type":{}}}"#, deep(100_000)),
        format!(r#"{{"type":"echo","signal":{}}}"#, deep(100_000)),
        format!(r#"{{"type":"echo","unknown":{}"#, "[".repeat(100_000)),
    ] {
        let reply = server.post(WORKFLOWS, body).await;
        assert_eq!(reply.status, 400, "{}", reply.text());
    }
    let body = format!(r#"{{"type":"chain","input":{}}}"#, deep(100_000));
    server.post(WORKFLOWS, body).await.problem(422, "invalid_request");
}

#[tokio::test]
async fn too_large_is_413_wherever_it_is_sent() {
    let server = TestServer::start_with(|config| config.body_limit_bytes = 10_000).await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    let body = |bytes: usize| {
        let rest = r#"{"type":"echo","input":""}"#.len();
        format!(r#"{{"type":"echo","input":"{}"}}"#, "x".repeat(bytes - rest))
    };
    server.post(WORKFLOWS, body(10_000)).await.json(201);
    for path in ["", "/g/signals/open", "/g/queries/status", "/g/cancel", "/g/terminate"] {
        for bytes in [10_001, 3_000_000] {
            let reply = server.post(&format!("{WORKFLOWS}{path}"), body(bytes)).await;
            let detail = reply.problem(413, "payload_too_large");
            assert!(detail.contains("10000"), "{detail}");
        }
    }
    server.get("/api/v1/workflows/g/result").await.json(202);
}

#[tokio::test]
async fn the_default_limit_is_four_mebibytes() {
    let server = TestServer::start().await;
    let body = |bytes: usize| format!(r#"{{"type":"echo","input":"{}"}}"#, "x".repeat(bytes));
    server.post(WORKFLOWS, body((4 << 20) - 26)).await.json(201);
    server.post(WORKFLOWS, body(4 << 20)).await.problem(413, "payload_too_large");
}

#[tokio::test]
async fn a_chunked_body_is_counted_as_it_comes() {
    let server = TestServer::start_with(|config| config.body_limit_bytes = 1_000).await;
    let head = "POST /api/v1/workflows HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let small = format!("{head}f\r\n{{\"type\":\"echo\"}}\r\n0\r\n\r\n");
    let answer = String::from_utf8(server.raw(small.as_bytes()).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let chunk = format!("100\r\n{}\r\n", "x".repeat(0x100));
    let large = format!("{head}{}0\r\n\r\n", chunk.repeat(100));
    let answer = String::from_utf8(server.raw(large.as_bytes()).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("payload_too_large"), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let server =
        TestServer::start_with(|config| config.request_timeout = Duration::from_millis(100)).await;
    let wire = Wire::connect(server.address).await.unwrap();
    let head = "POST /api/v1/workflows HTTP/1.1\r\nhost: localhost\r\ncontent-length: 20\r\n\r\n{";
    wire.send(head.as_bytes()).await;
    let answer = wire.read_text().await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("request_timeout"), "{answer}");
}

#[tokio::test]
async fn headers_that_do_not_come_are_given_up() {
    let server =
        TestServer::start_with(|config| config.header_timeout = Duration::from_millis(100)).await;
    let wire = Wire::connect(server.address).await.unwrap();
    wire.send(b"GET /health/live HTTP/1.1\r\nhost: loc").await;
    // However the server says it, it has to end the connection.
    wire.read_to_end().await;
    server.get("/health/live").await.json(200);
}
