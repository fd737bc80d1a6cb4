//! What the shop's workflow logs appears once over kills, and says which order it is of.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "this test needs a part of it")]
mod selling;
#[path = "../../conformance/tests/support/mod.rs"]
mod support;

use serde_json::json;

use selling::{BINARY, QUIET};
use support::Server;

#[tokio::test]
async fn a_line_is_written_once_over_kills() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let start = async || Server::start(BINARY, &data, &QUIET).await;
    let mut server = start().await;
    selling::open(&server.api(), &[("drum-memory", 1)]).await;
    selling::order(&server.api(), "kept", "drum-memory", 59_900, "Oslo").await;
    server.api().event("kept", "activity_completed", 0).await;
    for decision in [json!({ "approved": "perhaps" }), json!({ "approved": true, "by": "grace" })] {
        server.kill().await;
        server = start().await;
        // Refused or taken, the code was brought back for it, or will be.
        server.api().signal("kept", "decision", decision).await;
    }
    assert_eq!(server.api().completed("kept").await["approved_by"], "grace");
    assert!(server.stop().await.success());

    let log = std::fs::read_to_string(data.with_extension("log")).unwrap();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("waiting for approval")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    for field in ["amount_cents=59900", "workflow_id=\"kept\"", "workflow_type=\"fulfil_order\""] {
        assert!(lines[0].contains(field), "{field}: {}", lines[0]);
    }
    // Each process came back to it by a replay.
    assert_eq!(log.matches("inspector").count(), 3, "{log}");
}
