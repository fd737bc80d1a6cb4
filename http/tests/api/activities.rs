//! `POST /api/v1/activities/{task_token}/…`: outcomes that come from outside.

use serde_json::{Value, json};

use crate::support::TestServer;

/// Starts a run and waits until its activity has been handed over; the activity's token.
async fn token(server: &TestServer, id: &str) -> String {
    server.begin(json!({"type": "outside", "id": id, "input": 7})).await;
    let path = format!("/api/v1/workflows/{id}/history?from=4&follow_ms=30000");
    let page = server.get(&path).await.json(200);
    assert_eq!(page["events"][0]["type"], "activity_handed_over", "{page}");
    let activity = pending(server, id).await;
    assert_eq!((&activity["state"], &activity["attempt"]), (&json!("handed_over"), &json!(1)));
    activity["task_token"].as_str().unwrap().to_owned()
}

async fn pending(server: &TestServer, id: &str) -> Value {
    server.get(&format!("/api/v1/workflows/{id}")).await.json(200)["pending_activities"][0].take()
}

fn path(token: &str, verb: &str) -> String {
    format!("/api/v1/activities/{token}/{verb}")
}

#[tokio::test]
async fn an_outcome_comes_from_outside_over_a_restart() {
    let server = TestServer::start().await;
    let token = token(&server, "o").await;
    let noted = server.post(&path(&token, "heartbeat"), r#"{"at": 3}"#).await.json(200);
    assert_eq!(noted, json!({"cancel_requested": false}));
    let server = server.restart().await;
    let activity = pending(&server, "o").await;
    assert_eq!(activity["last_heartbeat"], json!({"at": 3}));
    assert_eq!(activity["task_token"], token.as_str());
    let described = server.get("/api/v1/workflows/o").await.json(200);
    assert_eq!(described["awaiting"][0]["kind"], "completion");

    server.post(&path(&token, "complete"), r#"{"yes": true}"#).await.json(202);
    assert_eq!(server.result("o").await["result"], json!({"yes": true}));
    for verb in ["complete", "heartbeat"] {
        server.post(&path(&token, verb), "").await.problem(409, "workflow_closed");
    }
}

#[tokio::test]
async fn a_failure_from_outside_is_tried_again_and_fences_its_token() {
    let server = TestServer::start().await;
    let first = token(&server, "f").await;
    let failure = r#"{"type":"no_answer","message":"nobody was there","asked":["ada"]}"#;
    server.post(&path(&first, "fail"), failure).await.json(202);
    let activity = pending(&server, "f").await;
    assert_eq!(activity["state"], "backing_off");
    assert_eq!(activity["last_failure"]["asked"], json!(["ada"]));
    for verb in ["complete", "heartbeat"] {
        server.post(&path(&first, verb), "").await.problem(409, "activity_not_pending");
    }
    let handed_over = "/api/v1/workflows/f/history?from=7&follow_ms=30000";
    server.get(handed_over).await.json(200);
    let second = pending(&server, "f").await["task_token"].as_str().unwrap().to_owned();
    let last = r#"{"type":"gone","non_retryable":true}"#;
    server.post(&path(&second, "fail"), last).await.json(202);
    let ended = server.result("f").await;
    assert_eq!(
        (&ended["failure"]["type"], &ended["failure"]["attempts"]),
        (&json!("gone"), &json!(2))
    );
}

#[tokio::test]
async fn what_is_cancelled_is_told_and_says_when_it_has_ended() {
    let server = TestServer::start().await;
    let token = token(&server, "c").await;
    server.post("/api/v1/workflows/c/cancel", "").await.json(202);
    let noted = server.post(&path(&token, "heartbeat"), "").await.json(200);
    assert_eq!(noted, json!({"cancel_requested": true}));
    server.post(&path(&token, "fail"), r#"{"type":"cancelled"}"#).await.json(202);
    assert_eq!(server.result("c").await["status"], "cancelled");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let server = TestServer::start().await;
    let token = token(&server, "r").await;
    let unknown = "00000000-0000-7000-8000-000000000000.1.1";
    for strange in ["x", "%ff", unknown, &format!("{token}.other")] {
        for verb in ["complete", "heartbeat"] {
            server.post(&path(strange, verb), "1").await.problem(404, "activity_not_found");
        }
        let failure = r#"{"type":"x"}"#;
        server.post(&path(strange, "fail"), failure).await.problem(404, "activity_not_found");
    }
    server.post(&path(&token, "complete"), "{").await.problem(400, "malformed_json");
    for body in ["", "{", "nonsense"] {
        server.post(&path(&token, "fail"), body).await.problem(400, "malformed_json");
    }
    for body in ["{}", r#"{"type":""}"#, r#"{"type":1}"#, "[]"] {
        server.post(&path(&token, "fail"), body).await.problem(400, "invalid_request");
    }
    assert_eq!(pending(&server, "r").await["attempt"], 1, "what was refused left no trace");
}

#[tokio::test]
async fn a_run_times_out_by_itself() {
    let server = TestServer::start().await;
    let started = json!({"type": "outside", "id": "t", "run_timeout_ms": 1});
    server.begin(started).await;
    let ended = server.result("t").await;
    assert_eq!(ended["status"], "timed_out");
    assert_eq!(ended["failure"]["timeout"], "run");
}
