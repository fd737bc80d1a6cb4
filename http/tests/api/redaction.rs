//! What a server that hides values shows to those who look: everything but the values.

use everstep::server::ServerConfig;
use serde_json::{Value, json};

use crate::support::TestServer;

const SECRET: &str = "4111-1111";
const WORKFLOWS: &str = "/api/v1/workflows";

async fn post(server: &TestServer, path: &str, body: Value) -> Value {
    let reply = server.post(path, body.to_string()).await;
    assert!(reply.status < 300, "{path}: {}", reply.text());
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

/// Lives through everything that carries a value.
async fn live(server: &TestServer) -> Vec<&'static str> {
    let secret = json!({ "card": SECRET });
    let start = |kind: &str, id: &str| {
        json!({
            "type": kind, "id": id, "input": secret, "memo": secret,
            "search_attributes": { "customer": SECRET },
        })
    };
    server.begin(start("echo", "echoed")).await;
    server.result("echoed").await;
    server.begin(start("gate", "opened")).await;
    post(server, &format!("{WORKFLOWS}/opened/signals/open"), json!(SECRET)).await;
    server.result("opened").await;
    server.begin(start("gate", "terminated")).await;
    let reason = json!({ "reason": SECRET });
    post(server, &format!("{WORKFLOWS}/terminated/terminate"), reason.clone()).await;
    server.begin(start("gate", "paused")).await;
    post(server, &format!("{WORKFLOWS}/paused/pause"), reason.clone()).await;
    server.begin(start("gate", "reset")).await;
    let reset = json!({ "to_event_id": 1, "reason": SECRET });
    post(server, &format!("{WORKFLOWS}/reset/reset"), reset).await;
    server.begin(start("register", "updated")).await;
    post(server, &format!("{WORKFLOWS}/updated/updates/close"), secret.clone()).await;
    for (id, last) in [("failed", true), ("retrying", false)] {
        server.begin(start("outside", id)).await;
        let token = loop {
            let run = server.get(&format!("{WORKFLOWS}/{id}")).await.json(200);
            if let Some(token) = run["pending_activities"][0]["task_token"].as_str() {
                break token.to_owned();
            }
            let follow = format!("{WORKFLOWS}/{id}/history?from=4&follow_ms=20000");
            server.get(&follow).await.json(200);
        };
        let path = format!("/api/v1/activities/{token}");
        post(server, &format!("{path}/heartbeat"), secret.clone()).await;
        if last {
            let failure = json!({
                "type": "declined", "message": SECRET, "non_retryable": true, "card": SECRET,
            });
            post(server, &format!("{path}/fail"), failure).await;
            server.result(id).await;
        }
    }
    let event = json!({
        "events": [{ "type": "Told", "data": secret, "metadata": secret }],
        "expected_version": 0,
    });
    post(server, "/api/v1/streams/Tale:1/events", event).await;
    let schedule = json!({
        "id": "nightly", "spec": { "interval_ms": 86_400_000 }, "note": SECRET, "paused": true,
        "action": { "type": "echo", "input": secret, "memo": secret },
    });
    post(server, "/api/v1/schedules", schedule).await;
    vec!["echoed", "opened", "terminated", "paused", "reset", "updated", "failed", "retrying"]
}

/// Every page and answer of the inspector that is about these runs.
async fn pages(server: &TestServer, ids: &[&str]) -> Vec<(String, String)> {
    let mut addresses = vec![
        "/ui/workflows".to_owned(),
        "/ui/events".to_owned(),
        "/ui/events/1".to_owned(),
        "/ui/events?stream=Tale:1".to_owned(),
        "/ui/schedules".to_owned(),
        "/ui/schedules/nightly".to_owned(),
        "/ui/schedules/nightly/edit".to_owned(),
        "/ui/batches".to_owned(),
        "/ui/queues".to_owned(),
    ];
    for id in ids {
        addresses.push(format!("/ui/workflows/{id}"));
        addresses.push(format!("/ui/workflows/{id}/spans"));
        let run = server.get(&format!("{WORKFLOWS}/{id}")).await.json(200);
        for event in 1..=run["history_length"].as_u64().unwrap() {
            addresses.push(format!("/ui/workflows/{id}?event={event}"));
            addresses.push(format!("/ui/workflows/{id}/payload?event={event}"));
        }
    }
    let mut found = Vec::new();
    for address in addresses {
        let text = server.get(&address).await.text();
        found.push((address, text));
    }
    found
}

#[tokio::test]
async fn the_inspector_of_a_server_that_redacts_shows_kinds_and_sizes_and_no_value() {
    redacts(|config| config.redact = true).await;
    // In rows of their own.
    let apart = |config: &mut ServerConfig| {
        config.redact = true;
        config.engine.limits.inline_payload_bytes = 1;
    };
    redacts(apart).await;
}

async fn redacts(change: impl FnOnce(&mut ServerConfig)) {
    let server = TestServer::start_with(change).await;
    let ids = live(&server).await;
    let pages = pages(&server, &ids).await;
    for (address, page) in &pages {
        assert!(!page.contains(SECRET), "{address}: {page}");
    }
    let page = |address: &str| &pages.iter().find(|(known, _)| known == address).unwrap().1;
    assert!(page("/ui/workflows/echoed").contains("‹object, 20 bytes›"));
    assert!(page("/ui/workflows/failed").contains("declined"));
    assert_eq!(page("/ui/workflows/echoed/payload?event=1"), "\"‹object, 20 bytes›\"");
    assert!(page("/ui/schedules/nightly/edit").contains("values are hidden here"));

    for path in [
        format!("{WORKFLOWS}/failed/export"),
        format!("{WORKFLOWS}/opened/export?redact=false"),
        "/api/v1/export?state=closed".to_owned(),
    ] {
        let export = server.get(&path).await.json(200).to_string();
        assert!(!export.contains(SECRET) && export.contains("redacted"), "{path}: {export}");
    }
    // Programs see what they need.
    assert!(server.result("echoed").await.to_string().contains(SECRET));
}

#[tokio::test]
async fn the_inspector_shows_values_where_nothing_else_is_said() {
    let server = TestServer::start().await;
    let ids = live(&server).await;
    let pages = pages(&server, &ids).await;
    let events = pages.iter().filter(|(address, _)| address.starts_with("/ui/events"));
    assert!(events.clone().all(|(_, page)| page.contains(SECRET)));
    for id in &ids {
        let about = format!("/ui/workflows/{id}");
        let told = pages.iter().filter(|(address, _)| address.starts_with(&about));
        assert!(told.filter(|(_, page)| page.contains(SECRET)).count() >= 3, "{id}");
    }
}
