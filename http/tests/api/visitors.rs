//! Who may speak to a server that listens on loopback.

use axum::http::Method;
use everstep::server::{Server, ServerConfig, ServerError};
use serde_json::json;

use crate::support::TestServer;
use crate::worker::worker;

#[tokio::test]
async fn other_hosts_are_refused() {
    let server = TestServer::start().await;
    for host in ["localhost", "localhost:1234", "127.0.0.1:80", "[::1]:9"] {
        let reply = server.send(Method::GET, "/health/live", &[("host", host)], "").await;
        reply.json(200);
    }
    for host in ["evil.example", "evil.example:3837", "localhost.evil.example", "192.168.0.1"] {
        let reply = server.send(Method::GET, "/api/v1/workflows", &[("host", host)], "").await;
        reply.problem(403, "host_not_allowed");
    }
    let answer = server.raw(b"GET /health/live HTTP/1.1\r\nconnection: close\r\n\r\n").await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("invalid_request"), "{answer}");
    let answer = server.raw(b"GET /health/live HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with(b"HTTP/1.0 200"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn pages_of_other_origins_change_nothing() {
    let server = TestServer::start().await;
    let own = format!("http://{}", server.address);
    let body = r#"{"type":"echo"}"#;
    for origin in ["http://evil.example", "null", "http://localhost:3000"] {
        let headers = [("origin", origin), ("content-type", "text/plain")];
        let reply = server.send(Method::POST, "/api/v1/workflows", &headers, body).await;
        reply.problem(403, "origin_not_allowed");
    }
    assert_eq!(server.get("/api/v1/workflows").await.json(200), json!({"workflows": []}));
    let headers = [("origin", own.as_str())];
    server.send(Method::POST, "/api/v1/workflows", &headers, body).await.json(201);
}

#[tokio::test]
async fn remote_addresses_need_to_be_asked_for() {
    let data = tempfile::tempdir().unwrap();
    let mut config = ServerConfig::new(data.path());
    config.listen = "0.0.0.0:0".parse().unwrap();
    let error = Server::open(worker(), config.clone()).await.unwrap_err();
    assert!(matches!(error, ServerError::Remote(_)), "{error}");
    assert!(error.to_string().contains("0.0.0.0"), "{error}");
    config.allow_remote = true;
    let server = Server::open(worker(), config).await.unwrap();
    assert_ne!(server.address().port(), 0);
    server.run(async {}).await.unwrap();
}

#[tokio::test]
async fn a_taken_port_and_a_taken_store_are_named() {
    let server = TestServer::start().await;
    let data = tempfile::tempdir().unwrap();
    let mut config = ServerConfig::new(data.path());
    config.listen = server.address;
    let error = Server::open(worker(), config).await.unwrap_err();
    assert!(matches!(error, ServerError::Listen { .. }), "{error}");
    assert!(error.to_string().contains(&server.address.to_string()), "{error}");

    let mut config = ServerConfig::new(server.data());
    config.listen = "127.0.0.1:0".parse().unwrap();
    let error = Server::open(worker(), config).await.unwrap_err();
    assert!(matches!(error, ServerError::Store { .. }), "{error}");
}
