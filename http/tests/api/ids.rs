//! Workflow ids with every character that a client may think of.

use std::fmt::Write;

use serde_json::json;

use crate::support::TestServer;

/// Percent-encodes everything.
fn encoded(id: &str) -> String {
    id.bytes().fold(String::new(), |mut path, byte| {
        write!(path, "%{byte:02X}").unwrap();
        path
    })
}

#[tokio::test]
async fn any_text_is_an_id() {
    let server = TestServer::start().await;
    let longest = "x".repeat(512);
    let ids = [
        "plain",
        "a b",
        "a/b",
        "/",
        "//a//",
        "../x",
        "...",
        "%2F",
        "100%",
        "?q=1#f",
        "a+b",
        "\"quoted\"",
        "it's",
        "<script>alert(1)</script>",
        "{id}",
        "*",
        ";,:@&=$!",
        "\\",
        "äöü",
        "日本語",
        "👩‍🚀",
        "e\u{301}",
        "\u{200b}",
        "\u{202e}abc",
        " ",
        " leading and trailing ",
        "result",
        "history",
        "null",
        longest.as_str(),
    ];
    for id in ids {
        let started = server.begin(json!({"type": "gate", "id": id})).await;
        assert_eq!(started["workflow_id"], id);
        let path = format!("/api/v1/workflows/{}", encoded(id));
        let run = server.get(&path).await.json(200);
        assert_eq!(run["workflow_id"], id);
        assert_eq!(run["run_id"], started["run_id"]);
        server.post(&format!("{path}/signals/open"), "1").await.json(202);
        let result = server.get(&format!("{path}/result?wait_ms=30000")).await.json(200);
        assert_eq!(result["status"], "completed");
        let history = server.get(&format!("{path}/history")).await.json(200);
        assert_eq!(history["events"][0]["workflow_id"], id);
        let listed = format!("/api/v1/workflows?id_prefix={}", encoded(id));
        let listed = server.get(&listed).await.json(200);
        let listed = listed["workflows"].as_array().unwrap();
        assert!(listed.iter().any(|run| run["workflow_id"] == id), "{id}");
    }
    let all = server.get("/api/v1/workflows?page_size=1000").await.json(200);
    assert_eq!(all["workflows"].as_array().unwrap().len(), ids.len());
}

#[tokio::test]
async fn unencoded_characters_are_taken_as_they_are() {
    let server = TestServer::start().await;
    for (id, path) in [("a+b", "a+b"), ("a:b@c", "a:b@c"), ("a=b&c", "a=b&c"), ("(x)", "(x)")] {
        server.begin(json!({"type": "gate", "id": id})).await;
        let run = server.get(&format!("/api/v1/workflows/{path}")).await.json(200);
        assert_eq!(run["workflow_id"], id);
    }
}

#[tokio::test]
async fn some_ids_are_refused() {
    let server = TestServer::start().await;
    let long = "x".repeat(513);
    let wide = "ä".repeat(257);
    for (id, status) in [
        (".", 422),
        ("..", 422),
        ("", 400),
        ("a\nb", 400),
        ("\0", 400),
        ("\u{7f}", 400),
        ("\u{85}", 400),
        (long.as_str(), 400),
        (wide.as_str(), 400),
    ] {
        let body = json!({"type": "gate", "id": id}).to_string();
        server.post("/api/v1/workflows", body).await.problem(status, "invalid_request");
        if id.is_empty() {
            continue;
        }
        let path = format!("/api/v1/workflows/{}", encoded(id));
        server.get(&path).await.problem(status, "invalid_request");
        for call in ["result", "history", "events"] {
            server.get(&format!("{path}/{call}")).await.problem(status, "invalid_request");
        }
        for call in ["cancel", "terminate", "signals/s", "queries/q"] {
            server.post(&format!("{path}/{call}"), "").await.problem(status, "invalid_request");
        }
    }
    assert_eq!(server.get("/api/v1/workflows").await.json(200), json!({"workflows": []}));
}

#[tokio::test]
async fn paths_that_do_not_decode_are_refused() {
    let server = TestServer::start().await;
    for id in ["%", "%4", "%zz", "%ff", "%C3%28", "a%"] {
        let path = format!("/api/v1/workflows/{id}");
        server.get(&path).await.problem(400, "invalid_request");
    }
    server.get("/api/v1/workflows//history").await.problem(400, "invalid_request");
}
