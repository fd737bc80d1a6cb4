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

#[tokio::test]
async fn sorted_and_by_what_was_typed() {
    let server = TestServer::start_with_manual_clock().await;
    for (id, kind, attributes) in [
        ("a", "echo", json!({"cents": 300, "city": "Bonn"})),
        ("b", "gate", json!({"cents": 100, "city": "Berlin"})),
        ("c", "echo", json!({"cents": 200.5})),
        ("d", "fail", json!({"city": "Bern"})),
    ] {
        server.begin(json!({"type": kind, "id": id, "search_attributes": attributes})).await;
        if kind != "gate" {
            server.result(id).await;
        }
        server.post("/test/clock/advance", r#"{"ms":1000}"#).await.json(200);
    }
    let failed = server.get("/api/v1/workflows/d").await.json(200);
    let fingerprint = failed["fingerprint"].as_str().unwrap().to_owned();
    for (query, expected) in [
        ("sort=started_at", vec!["a", "b", "c", "d"]),
        ("sort=-closed_at", vec!["d", "c", "a"]),
        ("sort=closed_at&type=echo", vec!["a", "c"]),
        ("sort=attr.cents", vec!["b", "c", "a"]),
        ("sort=-attr.cents&attr_max.cents=250", vec!["c", "b"]),
        ("sort=attr.city", vec!["b", "d", "a"]),
        ("attr_prefix.city=B", vec!["d", "b", "a"]),
        ("attr_prefix.city=Ber", vec!["d", "b"]),
        ("attr_min.cents=200&attr_max.cents=300", vec!["c", "a"]),
        ("stuck=false&status=running", vec!["b"]),
        ("stuck=true", vec![]),
        (&format!("fingerprint={fingerprint}"), vec!["d"]),
        ("fingerprint=none", vec![]),
    ] {
        assert_eq!(listed(&server, query).await, expected, "{query}");
        // One by one it is the same.
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/workflows?{query}&page_size=1&page_token={token}");
            let page = server.get(&path).await.json(200);
            found.extend(ids(&page));
            match page["next_page_token"].as_str() {
                Some(next) => next.clone_into(&mut token),
                None => break,
            }
        }
        assert_eq!(found, expected, "{query}, one by one");
    }
    let refused = server.get("/api/v1/workflows?sort=duration").await;
    refused.problem(400, "unsupported_sort");
    for query in ["stuck=maybe", "sort=closed_at&page_token=x", "sort=attr.a&page_token=%C3%A4"] {
        let refused = server.get(&format!("/api/v1/workflows?{query}")).await;
        refused.problem(400, "invalid_request");
    }
}

#[tokio::test]
async fn counted_by_group() {
    let server = TestServer::start().await;
    for (number, kind) in ["echo", "echo", "gate", "fail"].iter().enumerate() {
        let id = format!("w-{number}");
        let body = json!({"type": kind, "id": id, "search_attributes": {"tier": "gold"}});
        server.begin(body).await;
        if *kind != "gate" {
            server.result(&id).await;
        }
    }
    let count =
        async |query: &str| server.get(&format!("/api/v1/workflow-counts?{query}")).await.json(200);
    assert_eq!(count("").await, json!({"count": 4}));
    assert_eq!(
        count("group_by=status").await,
        json!({"count": 4, "groups": [
            {"value": "completed", "count": 2},
            {"value": "failed", "count": 1},
            {"value": "running", "count": 1},
        ]})
    );
    assert_eq!(count("attr.tier=gold&status=completed").await, json!({"count": 2}));
    assert_eq!(count("id_prefix=w-1").await, json!({"count": 1}));
    let by_type = count("group_by=type&attr.tier=gold").await;
    assert_eq!(by_type["groups"][0], json!({"value": "echo", "count": 2}));
    let by_cause = count("group_by=fingerprint&status=failed").await;
    assert_eq!(by_cause["groups"][0]["workflow_id"], "w-3");
    assert!(by_cause["groups"][0]["failure"]["type"].is_string(), "{by_cause}");
    let refused = server.get("/api/v1/workflow-counts?group_by=colour").await;
    refused.problem(400, "invalid_request");
    let missing = server.get("/api/v1/workflow-counts?namespace=nowhere").await;
    missing.problem(404, "namespace_not_found");
    let known = server.get("/api/v1/search-attributes").await.json(200);
    assert_eq!(known, json!({"search_attributes": {}}));
}
