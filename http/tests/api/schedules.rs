//! `/api/v1/schedules`.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::TestServer;

const SCHEDULES: &str = "/api/v1/schedules";

fn hourly(id: &str) -> Value {
    json!({"id": id, "spec": {"cron": ["0 * * * *"]}, "action": {"type": "echo", "input": 7}})
}

async fn create(server: &TestServer, body: Value) -> Value {
    server.post(SCHEDULES, body.to_string()).await.json(201)
}

async fn describe(server: &TestServer, id: &str) -> Value {
    server.get(&format!("{SCHEDULES}/{id}")).await.json(200)
}

async fn advance(server: &TestServer, ms: u64) {
    server.post("/test/clock/advance", json!({ "ms": ms }).to_string()).await.json(200);
}

#[tokio::test]
async fn created_listed_described_changed_deleted() {
    let server = TestServer::start_with_manual_clock().await;
    let created = create(&server, hourly("a/1 ü")).await;
    assert_eq!(created["id"], "a/1 ü");
    assert_eq!(created["overlap"], "skip");
    assert_eq!(created["next"].as_array().unwrap().len(), 5);
    create(&server, hourly("b")).await;
    let page = server.get(&format!("{SCHEDULES}?page_size=1")).await.json(200);
    assert_eq!(page["schedules"][0]["id"], "a/1 ü");
    let token =
        page["next_page_token"].as_str().unwrap().replace(' ', "%20").replace('ü', "%C3%BC");
    let page = server.get(&format!("{SCHEDULES}?page_size=1&page_token={token}")).await.json(200);
    assert_eq!((&page["schedules"][0]["id"], page.get("next_page_token")), (&json!("b"), None));

    let first = created["next"][0].as_str().unwrap();
    advance(&server, 3_600_000).await;
    let shown = describe(&server, "a%2F1%20%C3%BC").await;
    let run = &shown["recent"][0];
    assert_eq!(run["scheduled_at"], first);
    assert_eq!(run["workflow_id"], format!("a/1 ü-{first}"));
    assert_eq!(run["status"], "completed");
    assert_eq!(shown["running"], json!([]));
    let filter = "/api/v1/workflows?attr.schedule_id=a%2F1%20%C3%BC";
    let runs = server.get(filter).await.json(200);
    assert_eq!(runs["workflows"][0]["search_attributes"]["scheduled_at"], first);

    let change = json!({"spec": {"interval_ms": 86_400_000}, "action": {"type": "gate"},
        "overlap": "buffer_one", "note": "daily now"});
    let path = format!("{SCHEDULES}/b");
    let put = |body: String| server.send(Method::PUT, &path, &[], body);
    let changed = put(change.to_string()).await.json(200);
    assert_eq!(
        (&changed["overlap"], &changed["note"]),
        (&json!("buffer_one"), &json!("daily now"))
    );
    assert!(changed["next"][0].as_str().unwrap().ends_with("T00:00:00.000Z"), "{changed}");
    assert_eq!(changed["counters"]["started"], 1, "what it did stays");

    let deleted = server.send(Method::DELETE, &path, &[], "").await;
    assert_eq!((deleted.status, deleted.text().as_str()), (204, ""));
    server.get(&path).await.problem(404, "schedule_not_found");
    put(change.to_string()).await.problem(404, "schedule_not_found");
    server.send(Method::DELETE, &path, &[], "").await.problem(404, "schedule_not_found");
}

#[tokio::test]
async fn pause_resume_trigger_backfill() {
    let server = TestServer::start_with_manual_clock().await;
    let mut body = hourly("s");
    body["action"]["type"] = json!("gate");
    create(&server, body).await;
    let call = |verb: &str, body: Value| {
        let path = format!("{SCHEDULES}/s/{verb}");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let server = &server;
        async move { server.post(&path, body).await.json(202) }
    };
    call("pause", json!({"note": "maintenance"})).await;
    advance(&server, 7_200_000).await;
    let shown = describe(&server, "s").await;
    assert_eq!((&shown["paused"], &shown["note"]), (&json!(true), &json!("maintenance")));
    assert_eq!(shown["health"]["state"], "paused");
    assert_eq!(shown["recent"], json!([]));
    let triggered = call("trigger", Value::Null).await;
    assert_eq!(triggered["outcome"], "started");
    let blocked = call("trigger", Value::Null).await;
    assert_eq!(blocked["outcome"], "skipped");
    assert_eq!(blocked["waits_for"], triggered["workflow_id"]);
    assert_eq!(call("trigger", json!({"overlap": "buffer_one"})).await["outcome"], "buffered");
    call("resume", Value::Null).await;
    let shown = describe(&server, "s").await;
    assert_eq!(shown["counters"]["paused_over"], 2);
    assert_eq!((&shown["running_count"], &shown["buffered"]), (&json!(1), &json!(1)));
    assert_eq!(shown["health"]["blocked_by"], triggered["workflow_id"]);

    let now: everstep::Timestamp =
        server.post("/test/clock/advance", r#"{"ms":0}"#).await.json(200)["now"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
    let at = |hours: i64| everstep::Timestamp::from_millis(now.as_millis() - hours * 3_600_000);
    let backfill = json!({"from": at(10), "to": at(5), "overlap": "allow_all"});
    assert_eq!(call("backfill", backfill).await["firings"], 5);
    advance(&server, 0).await;
    let shown = describe(&server, "s").await;
    assert_eq!((&shown["running_count"], &shown["backfills"]), (&json!(6), &json!(0)));
}

#[tokio::test]
async fn a_preview_needs_no_schedule() {
    let server = TestServer::start().await;
    let body = json!({
        "spec": {"cron": ["30 2 * * *"], "timezone": "Europe/Berlin"},
        "after": "2027-03-27T12:00:00Z",
        "count": 2
    });
    let shown = server.post("/api/v1/schedules/preview", body.to_string()).await.json(200);
    assert_eq!(shown["next"], json!(["2027-03-28T01:00:00.000Z", "2027-03-29T00:30:00.000Z"]));
    create(&server, hourly("preview")).await;
    assert_eq!(describe(&server, "preview").await["id"], "preview");
}

#[tokio::test]
async fn refusals_name_the_field_and_leave_nothing() {
    let server = TestServer::start().await;
    create(&server, hourly("taken")).await;
    server
        .post(SCHEDULES, hourly("taken").to_string())
        .await
        .problem(409, "schedule_already_exists");
    let refused = async |change: Value, status: u16, code: &str, says: &str| {
        let mut body = hourly("refused");
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let detail = server.post(SCHEDULES, body.to_string()).await.problem(status, code);
        assert!(detail.contains(says), "{detail}");
    };
    let invalid = "invalid_request";
    refused(json!({"spec": {"cron": ["0 * * *"]}}), 422, invalid, "spec.cron[0]").await;
    refused(json!({"spec": {"cron": ["0 9 * * *", "61 * * * *"]}}), 422, invalid, "column 1").await;
    refused(json!({"spec": {}}), 422, invalid, "field `spec`").await;
    refused(
        json!({"spec": {"cron": ["@daily"], "timezone": "Mars/Base"}}),
        422,
        invalid,
        "spec.timezone",
    )
    .await;
    refused(json!({"spec": {"cron": ["0 0 30 2 *"]}}), 422, invalid, "no instant").await;
    refused(json!({"spec": {"calendars": [{"hour": "9", "minuet": "5"}]}}), 400, invalid, "minuet")
        .await;
    refused(json!({"spec": {"calendars": [{"hour": 24}]}}), 422, invalid, "`hour`").await;
    refused(json!({"spec": {"interval_ms": -5}}), 400, invalid, "interval_ms").await;
    refused(json!({"overlap": "sometimes"}), 400, invalid, "overlap").await;
    refused(json!({"action": {"type": "none"}}), 422, "unknown_workflow_type", "none").await;
    refused(json!({"action": {"type": "chain", "input": "x"}}), 422, invalid, "chain").await;
    refused(json!({"id": ".."}), 422, invalid, "schedule id").await;
    refused(json!({"id": "x".repeat(500)}), 400, invalid, "480").await;
    for call in ["pause", "resume", "trigger"] {
        let path = format!("{SCHEDULES}/none/{call}");
        server.post(&path, "").await.problem(404, "schedule_not_found");
    }
    let reversed = json!({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"});
    let path = format!("{SCHEDULES}/taken/backfill");
    server.post(&path, reversed.to_string()).await.problem(422, invalid);
    server.post(&path, "{}").await.problem(400, invalid);
    let page = server.get(SCHEDULES).await.json(200);
    assert_eq!(page["schedules"].as_array().unwrap().len(), 1);
}
