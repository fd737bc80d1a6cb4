//! The shop's own binary is its command line, too: what a client does, beside flags of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "this test needs a part of it")]
mod selling;
#[path = "../../conformance/tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::Value;
use tokio::process::Command;

use selling::{BINARY, QUIET};
use support::Server;

async fn shop(arguments: &[&str]) -> Output {
    // Addresses and tokens are the test's, not those of whoever runs it.
    let mut command = Command::new(BINARY);
    for name in ["EVERSTEP_URL", "EVERSTEP_TOKEN", "EVERSTEP_NAMESPACE"] {
        command.env_remove(name);
    }
    command.args(arguments).output().await.unwrap()
}

/// What it answers on stdout.
async fn answer(arguments: &[&str]) -> String {
    let output = shop(arguments).await;
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn document(arguments: &[&str]) -> Value {
    serde_json::from_str(&answer(arguments).await).unwrap()
}

#[tokio::test]
async fn the_shops_binary_asks_a_running_shop() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(BINARY, &dir.path().join("data"), &QUIET).await;
    let api = server.api();
    selling::open(&api, &[("abacus", 1), ("drum-memory", 1)]).await;
    selling::order(&api, "plain", "abacus", 12_900, "Oslo").await;
    selling::order(&api, "large", "drum-memory", 59_900, "Oslo").await;
    assert_eq!(api.result("plain").await["status"], "completed");
    // It waits for a decision.
    api.event("large", "timer_started", 0).await;

    let orders = ["--type", "fulfil_order", "--url", server.url()];
    let listed = document(&[&["list", "--json"], &orders[..]].concat()).await;
    let listed = listed["workflows"].as_array().unwrap();
    let status_of = |run: &Value| {
        let text = |field: &str| run[field].as_str().unwrap().to_owned();
        (text("workflow_id"), text("status"))
    };
    let listed: BTreeMap<_, _> = listed.iter().map(status_of).collect();
    let wanted = [("large", "running"), ("plain", "completed")];
    assert_eq!(listed, wanted.map(|(id, status)| (id.to_owned(), status.to_owned())).into());

    let counted = answer(&[&["count", "--group-by", "status"], &orders[..]].concat()).await;
    let counted: Vec<Vec<&str>> =
        counted.lines().map(|line| line.split_whitespace().take(2).collect()).collect();
    for group in [["1", "completed"], ["1", "running"], ["2", "runs"]] {
        assert!(counted.contains(&group.to_vec()), "{counted:?}");
    }

    let shown = answer(&["show", "large", "--url", server.url()]).await;
    assert!(shown.contains("fulfil_order") && shown.contains("signal `decision`"), "{shown}");
    let decision = r#"{"approved": true, "by": "grace"}"#;
    answer(&["signal", "large", "decision", decision, "--url", server.url()]).await;
    assert_eq!(api.completed("large").await["approved_by"], "grace");
    assert!(server.stop().await.success());

    let nobody = shop(&["list", "--json", "--url", "http://127.0.0.1:9"]).await;
    assert_eq!(nobody.status.code(), Some(1), "{nobody:?}");
    let why: Value = serde_json::from_slice(&nobody.stderr).unwrap();
    assert_eq!(why["code"], "unreachable");
}

#[tokio::test]
async fn flags_of_serving_are_not_for_verbs() {
    let help = answer(&["start", "--help"]).await;
    assert!(help.contains("Usage: order-management start ") && help.contains("--url"), "{help}");
    // What is the shop's own stands beside what every worker's binary has.
    let help = answer(&["--help"]).await;
    for part in ["--order-every-ms", "--listen", "preflight", "projections"] {
        assert!(help.contains(part), "{part}: {help}");
    }
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    for flag in [["--order-every-ms", "0"], ["--data", data]] {
        for verb in [&["list", "--json"][..], &["preflight"], &["start", "fulfil_order"]] {
            let refused = shop(&[&flag, verb].concat()).await;
            assert_eq!(refused.status.code(), Some(2), "{flag:?} {verb:?}: {refused:?}");
            let said = String::from_utf8_lossy(&refused.stderr);
            assert!(said.contains(flag[0]) && said.contains("cannot be used with"), "{said}");
        }
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was begun");
}
