//! What every route has in common, and the routes around the API.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::TestServer;

#[tokio::test]
async fn unknown_routes_are_problems() {
    let server = TestServer::start().await;
    for path in [
        "/api",
        "/api/v1",
        "/api/v2/workflows",
        "/api/v1/workflows/",
        "/api/v1/workflows/a/b",
        "/api/v1/workflows/a/result/",
        "/api/v1/schedules/a/b",
        "/health",
        "/errors/",
        "/favicon.txt",
    ] {
        server.get(path).await.problem(404, "route_not_found");
    }
    server.post("/api/v1/workflows/a/dance", "").await.problem(404, "route_not_found");
}

#[tokio::test]
async fn unknown_methods_are_problems_with_allow() {
    let server = TestServer::start().await;
    for (method, path, allowed) in [
        (Method::PUT, "/api/v1/workflows", "POST,GET,HEAD"),
        (Method::PATCH, "/api/v1/workflows/a", "GET,HEAD,DELETE"),
        (Method::POST, "/api/v1/workflows/a/result", "GET,HEAD"),
        (Method::GET, "/api/v1/workflows/a/cancel", "POST"),
        (Method::GET, "/api/v1/workflows/a/signals/s", "POST"),
        (Method::OPTIONS, "/api/v1/workflows", "POST,GET,HEAD"),
        (Method::POST, "/health/live", "GET,HEAD"),
        (Method::PATCH, "/api/v1/openapi.json", "GET,HEAD"),
    ] {
        let reply = server.send(method, path, &[], "").await;
        reply.problem(405, "method_not_allowed");
        let mut found: Vec<_> = reply.headers["allow"].to_str().unwrap().split(',').collect();
        let mut expected: Vec<_> = allowed.split(',').collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{path}");
    }
}

#[tokio::test]
async fn health_says_how_it_is() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/health/live").await.json(200), json!({"status": "live"}));
    assert_eq!(server.get("/health/ready").await.json(200), json!({"status": "ready"}));
    let head = server.send(Method::HEAD, "/health/ready", &[], "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test]
async fn every_error_has_a_page() {
    let server = TestServer::start().await;
    for code in everstep::api::error_code::all() {
        let page = server.get(&format!("/errors/{}", code.name)).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.headers["content-type"], "text/markdown; charset=utf-8");
        assert!(page.text().contains(code.name) && page.text().contains("What to do"));
    }
    server.get("/errors/none_of_ours").await.problem(404, "route_not_found");
}

#[tokio::test]
async fn the_document_describes_the_routes() {
    let server = TestServer::start().await;
    let document = server.get("/api/v1/openapi.json").await.json(200);
    assert_eq!(document["openapi"], "3.1.0");
    // A route that goes breaks somebody: whoever changes the list means to.
    let routes: Vec<&str> =
        document["paths"].as_object().unwrap().keys().map(|path| &**path).collect();
    expect_test::expect_file!["routes.txt"].assert_eq(&(routes.join("\n") + "\n"));
    let text = document.to_string();
    for event in everstep::HistoryEvent::NAMES {
        assert!(text.contains(event), "{event}");
    }
    references(&document, &document);
}

/// Every `$ref` leads somewhere.
fn references(document: &Value, part: &Value) {
    match part {
        Value::Object(fields) => {
            if let Some(Value::String(target)) = fields.get("$ref") {
                let pointer = target.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{target}");
            }
            fields.values().for_each(|field| references(document, field));
        }
        Value::Array(items) => items.iter().for_each(|item| references(document, item)),
        _ => {}
    }
}

#[tokio::test]
async fn metrics_count() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "chain", "id": "c", "input": {"steps": 2}})).await;
    server.result("c").await;
    server.get("/nowhere").await.problem(404, "route_not_found");
    let text = server.get("/metrics").await.text();
    for line in [
        "everstep_runs_started_total 1",
        "everstep_runs_closed_total 1",
        "everstep_attempts_started_total 2",
        "everstep_ready 1",
        "everstep_store_healthy 1",
        "everstep_http_requests_total{route=\"/api/v1/workflows\",method=\"POST\",status=\"201\"} 1",
        "everstep_http_requests_total{route=\"unmatched\",method=\"GET\",status=\"404\"} 1",
        "everstep_http_request_duration_seconds_count{route=\"/api/v1/workflows\",method=\"POST\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}
