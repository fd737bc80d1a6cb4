//! `GET /api/v1/workflows`: filters and pages.

use serde_json::{Value, json};

use crate::support::TestServer;

/// The ids that a query lists, in its order.
async fn listed(server: &TestServer, query: &str) -> Vec<String> {
    let page = server.get(&format!("/api/v1/workflows?{query}")).await.json(200);
    ids(&page)
}

fn ids(page: &Value) -> Vec<String> {
    let rows = page["workflows"].as_array().unwrap();
    rows.iter().map(|row| row["workflow_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn newest_first_and_by_every_filter() {
    let server = TestServer::start_with_manual_clock().await;
    for (id, kind, attributes) in [
        ("a-1", "gate", json!({"tier": "gold", "n": 10})),
        ("a-2", "gate", json!({"tier": "silver", "n": 10.50, "paid": true})),
        ("b-1", "echo", json!({"tier": "gold & more", "n": "10"})),
        ("b-2", "fail", json!({})),
    ] {
        let body = json!({"type": kind, "id": id, "search_attributes": attributes});
        server.begin(body).await;
        server.post("/test/clock/advance", r#"{"ms":1000}"#).await.json(200);
    }
    server.result("b-1").await;
    server.result("b-2").await;
    for (query, expected) in [
        ("", vec!["b-2", "b-1", "a-2", "a-1"]),
        ("status=running", vec!["a-2", "a-1"]),
        ("status=completed", vec!["b-1"]),
        ("status=failed", vec!["b-2"]),
        ("status=paused", vec![]),
        ("type=gate", vec!["a-2", "a-1"]),
        ("type=none", vec![]),
        ("id_prefix=a-", vec!["a-2", "a-1"]),
        ("id_prefix=", vec!["b-2", "b-1", "a-2", "a-1"]),
        ("id_prefix=a-&status=running&type=gate&attr.tier=gold", vec!["a-1"]),
        ("parent=a-1", vec![]),
        ("attr.tier=gold", vec!["a-1"]),
        ("attr.tier=gold+%26%20more", vec!["b-1"]),
        ("attr.n=10", vec!["b-1", "a-1"]),
        ("attr.n=10.5", vec!["a-2"]),
        ("attr.paid=true", vec!["a-2"]),
        ("attr.none=1", vec![]),
        ("unknown=1", vec!["b-2", "b-1", "a-2", "a-1"]),
    ] {
        assert_eq!(listed(&server, query).await, expected, "{query}");
    }
    let second = server.get("/api/v1/workflows/a-2").await.json(200);
    let at = second["started_at"].as_str().unwrap();
    assert_eq!(listed(&server, &format!("started_after={at}")).await, ["b-2", "b-1", "a-2"]);
    assert_eq!(listed(&server, &format!("started_before={at}")).await, ["a-2", "a-1"]);
    let both = format!("started_after={at}&started_before={at}");
    assert_eq!(listed(&server, &both).await, ["a-2"]);

    let page = server.get("/api/v1/workflows?id_prefix=a-1").await.json(200);
    let row = &page["workflows"][0];
    assert_eq!(row["type"], "gate");
    assert_eq!(row["status"], "running");
    assert_eq!(row["search_attributes"], json!({"tier": "gold", "n": 10}));
}

#[tokio::test]
async fn comes_in_pages() {
    let server = TestServer::start().await;
    for number in 0..25 {
        server.begin(json!({"type": "gate", "id": format!("w-{number:02}")})).await;
    }
    let mut expected: Vec<_> = (0..25).map(|number| format!("w-{number:02}")).collect();
    expected.reverse();
    let (mut collected, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/workflows?status=running&page_size=10&page_token={token}");
        let page = server.get(&path).await.json(200);
        collected.extend(ids(&page));
        match page.get("next_page_token") {
            Some(next) => next.as_str().unwrap().clone_into(&mut token),
            None => break,
        }
    }
    assert_eq!(collected, expected);
    assert_eq!(listed(&server, "page_size=99999999999999999999").await, expected);
}

#[tokio::test]
async fn refuses_filters_that_make_no_sense() {
    let server = TestServer::start().await;
    for query in [
        "status=open",
        "status=Running",
        "status=",
        "status=running&status=failed",
        "started_after=yesterday",
        "started_after=",
        "started_before=2024-01-01",
        "started_before=1700000000",
        "started_after=2024-13-01T00:00:00Z",
        "page_size=0",
        "page_size=-1",
        "page_size=many",
        "page_token=x",
        "attr.a=1&attr.a=2",
        "type=%ff",
        "id_prefix=%",
    ] {
        let path = format!("/api/v1/workflows?{query}");
        server.get(&path).await.problem(400, "invalid_request");
    }
}
