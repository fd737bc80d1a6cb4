//! What a careless release would do to the open orders is known before it is deployed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "this test needs a part of it")]
mod selling;
#[path = "../../conformance/tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tokio::process::Command;

use selling::{BINARY, QUIET};
use support::Server;

/// Above the limit: they wait for a decision.
const OPEN: usize = 7;

#[tokio::test]
async fn a_careless_release_is_found_out_and_a_careful_one_passes() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(BINARY, &data, &QUIET).await;
    let api = server.api();
    selling::open(&api, &[("drum-memory", 20), ("perpetual-motion-machine", 0)]).await;
    for number in 0..OPEN {
        let id = format!("order-{number}");
        selling::order(&api, &id, "drum-memory", 59_900, "Oslo").await;
        api.event(&id, "timer_started", 0).await;
    }
    selling::order(&api, "sold-out", "perpetual-motion-machine", 1, "Oslo").await;
    api.result("sold-out").await;

    let url = ["--url", server.url()];
    check(&url, OPEN).await;
    // The server did not notice, and the same is said of its data once it is down.
    assert!(server.stop().await.success());
    check(&["--data", data.to_str().unwrap()], OPEN).await;
    let server = Server::start(BINARY, &data, &QUIET).await;
    let running = preflight(&["--data", data.to_str().unwrap()]).await;
    assert_eq!(running.status.code(), Some(1), "the data of a running server");
    drop(server);
    let nowhere = preflight(&["--data", Path::new("/nowhere").to_str().unwrap()]).await;
    assert!(text(&nowhere.stderr).contains("no such directory"), "{nowhere:?}");
}

async fn check(from: &[&str], open: usize) {
    let safe = preflight(from).await;
    assert!(safe.status.success(), "{safe:?}");
    let said = text(&safe.stdout);
    // An agent may just be looking at what was sold.
    let open_runs =
        said.lines().next().and_then(|line| line.strip_suffix(" open runs safe; 0 break"));
    let (safe, all) = open_runs.and_then(|runs| runs.split_once(" of ")).unwrap_or_default();
    assert!(safe == all && all.parse::<usize>().unwrap() >= open, "{said}");
    assert!(said.contains("closed runs replay; 0 differ"), "{said}");

    let careless = preflight(&[from, &["--careless"]].concat()).await;
    assert_eq!(careless.status.code(), Some(1), "{careless:?}");
    let said = text(&careless.stdout);
    let group = format!(
        "{open} `fulfil_order` runs break at event 5: recorded activity `ReserveStock` (id 2), \
         asked activity `charge` (id 2)"
    );
    assert!(said.contains(&group), "{said}");
    assert!(said.contains("careless.rs:"), "{said}");

    let json = preflight(&[from, &["--careless", "--json"]].concat()).await;
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(report["safe"], false);
    assert_eq!(report["open"]["broken"], open);
    assert_eq!(report["broken"][0]["samples"].as_array().unwrap().len(), 5);
}

async fn preflight(args: &[&str]) -> Output {
    Command::new(BINARY).arg("preflight").args(args).output().await.unwrap()
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}
