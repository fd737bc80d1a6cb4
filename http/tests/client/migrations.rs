//! `everstep contexts --migrations`: how far rows of an older shape are taken along.

use std::time::{Duration, Instant};

use everstep::Worker;
use serde_json::{Value, json};

use crate::command_line::{document, succeed};
use crate::support::TestServer;
use crate::travel;

/// More than anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const RUN: &str = "everstep.migration:travel/visits-by-city";

fn shown(url: &str) -> Value {
    let found = document(&succeed(url, &["contexts", "--migrations", "--json"]));
    assert_eq!(found["migrations"].as_array().unwrap().len(), 1, "{found}");
    found["migrations"][0].clone()
}

/// Each look is a run of the program.
fn until(url: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let one = shown(url);
        if holds(&one) {
            return one;
        }
        assert!(begun.elapsed() < PATIENCE, "{one}");
    }
}

fn call(url: &str, function: &str, input: &str) -> String {
    succeed(url, &["contexts", "travel", "--call", function, "--input", input])
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_are_listed_with_their_rows_and_what_holds_them_up() {
    let dir = tempfile::tempdir().unwrap();
    let open = async |worker: Worker| {
        TestServer::start_as(worker, |config| config.data = dir.path().join("data")).await
    };
    let server = open(travel::first()).await;
    let url = server.client.url();
    call(url, "keep", r#"[0, 200, "Oslo"]"#);
    call(url, "keep", r#"[200, 205, "Atlantis"]"#);
    call(url, "draw", r#""Oslo""#);
    let none = succeed(url, &["contexts", "--migrations", "--json"]);
    assert_eq!(document(&none), json!({ "migrations": [] }));
    server.stop_keeping().await;

    let server = open(travel::second()).await;
    let url = server.client.url();
    let failed = until(url, |one| one["status"] == "failed");
    assert_eq!((&failed["rows"], &failed["workflowId"]), (&json!(200), &json!(RUN)), "{failed}");
    let table = succeed(url, &["contexts", "--migrations"]);
    let line = table.lines().nth(1).unwrap();
    let holds = ["travel", "visits-by-city", "failed", "200", "0200: no Atlantis"];
    assert!(holds.iter().all(|text| line.contains(text)), "{table}");

    call(url, "draw", r#""Atlantis""#);
    succeed(url, &["reset", RUN, "--to", "1"]);
    let done = until(url, |one| one["status"] == "completed");
    assert_eq!((&done["rows"], done.get("error")), (&json!(205), None), "{done}");
    assert_eq!(document(&call(url, "count", "null")), json!([0, 205]));
    let table = succeed(url, &["contexts", "--migrations"]);
    assert!(table.contains("completed") && !table.contains("Atlantis"), "{table}");
    server.stop_keeping().await;
}
