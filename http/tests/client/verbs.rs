//! Verbs of the `everstep` program about limits, intents, events and rows of projections.

use std::time::{Duration, Instant};

use everstep::intent::{Intent, WorkerIntents};
use everstep::log::RecordedEvent;
use everstep::projections::{Category, Projection, ProjectionWorker};
use everstep::rate_limit::{DurableLimiter, RateLimit, RateLimiter, WorkerLimits};
use everstep::{ActivityError, Transaction, Worker, Workflow, WorkflowContext};
use serde_json::json;

use crate::command_line::{document, run, succeed, texts};
use crate::support::TestServer;

const TOLD: Projection<u64> = Projection::new("told", Category::View);
const EXPORT: Intent = Intent::new("ExportBegun").completed_by(&["ExportEnded"]);
/// More than anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
const EXPORTS: DurableLimiter = DurableLimiter::new("exports", RateLimit::fixed_window(2, DAY));
/// Its name begins as the other one's does.
const LARGE: DurableLimiter =
    DurableLimiter::new("exports/large", RateLimit::fixed_window(1, HOUR));
const ASK: Workflow<String, (bool, bool)> = Workflow::new("ask_to_export");
const TAKE: Transaction<String, (bool, bool)> = Transaction::new("take_exports");

/// What the server's worker has for them.
pub(crate) fn register(worker: Worker) -> Worker {
    let keys = |event: &RecordedEvent| event.tags().map(str::to_owned).collect::<Vec<_>>();
    worker
        .projection(TOLD.row(keys, |told, _| Ok(Some(told.unwrap_or(0) + 1))).events(["Told"]))
        .intent(EXPORT)
        .limit(EXPORTS)
        .limit(LARGE)
        .workflow(ASK, async |ctx: &WorkflowContext, key: String| {
            Ok(ctx.transaction(TAKE, key).await?)
        })
        .transaction(TAKE, |tx, key: String| -> Result<_, ActivityError> {
            let small = EXPORTS.take(tx, &format!("large/{key}"), 1)?;
            Ok((small.allowed, LARGE.take(tx, &key, 1)?.allowed))
        })
}

/// Each look is a run of the program.
fn until(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_listed_each_with_its_own_keys_and_forgiven() {
    let server = TestServer::start().await;
    let url = server.client.url().to_owned();
    let url = url.as_str();
    let ask = || succeed(url, &["start", "ask_to_export", "\"ann\"", "--wait", "30s"]);
    ask();
    // One more of the smaller limit, none of the larger.
    assert!(ask().contains("[true,false]"));
    let listed = document(&succeed(url, &["limits", "list", "--json"]));
    let meters = listed["meters"].as_array().unwrap().iter();
    let meters: Vec<_> = meters.map(|one| (&one["limit"], &one["key"], &one["used"])).collect();
    assert_eq!(
        meters,
        [
            (&json!("exports"), &json!("large/ann"), &json!(2)),
            (&json!("exports/large"), &json!("ann"), &json!(1))
        ]
    );
    let table = succeed(url, &["limits", "list"]);
    assert!(table.contains("large/ann") && table.contains("2 / 2"), "{table}");

    let forgiven = succeed(url, &["limits", "reset", "exports/large", "ann"]);
    assert_eq!(forgiven, "ann is forgiven\n");
    let again = succeed(url, &["limits", "reset", "exports/large", "ann", "--json"]);
    assert_eq!(document(&again), json!({ "reset": false }));
    let listed = document(&succeed(url, &["limits", "list", "--json"]));
    assert_eq!(listed["meters"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["limits"].as_array().unwrap().len(), 2, "{listed}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn intents_are_listed_until_they_end() {
    let server = TestServer::start().await;
    let url = server.client.url().to_owned();
    let url = url.as_str();
    let tell = |event: &str, key: &str| {
        let data = json!({ "intentKey": key }).to_string();
        succeed(url, &["events", "append", "Export:e", event, &data]);
    };
    assert_eq!(document(&succeed(url, &["intents", "list", "--json"])), json!({ "intents": [] }));
    tell("ExportBegun", "one");
    tell("ExportBegun", "two");
    tell("ExportEnded", "one");
    let open = document(&succeed(url, &["intents", "list", "--json"]));
    let open = open["intents"].as_array().unwrap().clone();
    assert_eq!(open.len(), 1, "{open:?}");
    let table = succeed(url, &["intents", "list"]);
    assert!(table.contains("ExportBegun") && table.contains("two"), "{table}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_appended_sooner_or_later_and_a_row_is_shown_with_what_is_not_in_it() {
    let server = TestServer::start().await;
    let url = server.client.url().to_owned();
    let url = url.as_str();
    let durably = ["events", "append", "Order:o", "Told", "1", "--tag", "ann", "--durably"];
    let without_key = run(url, &durably);
    assert!(texts(&without_key).1.contains("--idempotency-key"), "{without_key:?}");
    let keyed = |key: &'static str| [&durably[..], &["--idempotency-key", key]].concat();
    assert_eq!(succeed(url, &keyed("k")), "k will be appended to Order:o\n");
    // Once, however often it is asked for.
    succeed(url, &[&keyed("k")[..], &["--json"]].concat());
    let row = || document(&succeed(url, &["projections", "row", "told", "ann", "--recent"]));
    until(|| row()["durable_position"] == 1);
    succeed(url, &["projections", "pause", "told"]);
    let list = || document(&succeed(url, &["projections", "list", "--json"]));
    until(|| list()["projections"][0]["status"] == "paused");
    succeed(url, &["events", "append", "Order:o", "Told", "2", "--tag", "ann"]);
    let recent = row();
    assert_eq!((&recent["state"], &recent["durable_position"]), (&json!(1), &json!(1)));
    assert_eq!(recent["events"].as_array().unwrap().len(), 1, "{recent}");
    let whole = document(&succeed(url, &["projections", "row", "told", "ann"]));
    assert_eq!(whole["state"], 2, "{whole}");
    server.stop().await;
}
