//! Three days in no time, with a crash on each.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../conformance/tests/support/mod.rs"]
mod support;

use serde_json::json;

use support::Server;

const DAY_MS: u64 = 24 * 3_600_000;

#[tokio::test]
async fn whoever_answers_is_welcome_and_nobody_is_asked_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let start = async || {
        Server::start(env!("CARGO_BIN_EXE_quickstart"), &data, &["--clock", "manual"]).await
    };
    let mut server = start().await;
    for id in ["ada", "nobody"] {
        server.api().start("invite", id, json!(format!("{id}@example.org"))).await;
        server.api().event(id, "timer_started", 0).await;
    }
    for day in 1..=3 {
        server.kill().await;
        server = start().await;
        let api = server.api();
        if day == 2 {
            api.signal("ada", "accepted", json!("Ada")).await.expect(202);
            assert_eq!(api.completed("ada").await, "Welcome, Ada");
        }
        let before = api.history("nobody").await.len() as u64;
        api.advance(DAY_MS).await;
        // The reminder, once a day.
        let reminder = api.event("nobody", "activity_scheduled", before).await;
        assert_eq!(reminder["input"][1], format!("You are still invited, since {day} days"));
        api.event("nobody", "activity_completed", before).await;
    }
    let ended = server.api().result("nobody").await;
    assert_eq!(ended["failure"]["message"], "nobody answered");
    let mails = server.api().event_types("ada").await;
    assert_eq!(mails.iter().filter(|event| *event == "activity_completed").count(), 2);
}
