//! Workflows that end in every way.

use std::sync::Arc;
use std::time::Duration;

use everstep_engine::{
    Activity, ActivityError, Retry, SearchAttribute, Signal, Timestamp, Worker, Workflow,
    WorkflowContext, WorkflowError,
};
use everstep_storage::testing::FaultDisk;
use everstep_storage::{EmbeddedConfig, EmbeddedStore, Threads};

const GO: Signal<()> = Signal::new("go");
const QUICKLY: Retry = Retry::DEFAULT.initial_interval(Duration::from_secs(1)).jitter_percent(0);
const BROKEN: Activity<(), ()> = Activity::new("broken").retry(QUICKLY);
const MAIL: Activity<(), ()> = Activity::new("mail").queue("mail");
const CHILD: Workflow<String, u32> = Workflow::new("invoice");

pub(crate) const TIER: SearchAttribute<String> = SearchAttribute::new("tier");
pub(crate) const CENTS: SearchAttribute<i64> = SearchAttribute::new("cents");
pub(crate) const DUE: SearchAttribute<Timestamp> = SearchAttribute::new("due");

/// Both types run the same code.
pub(crate) const TYPES: [&str; 2] = ["order", "invoice"];
/// What they are told to do.
pub(crate) const WAYS: [&str; 9] =
    ["complete", "complete", "complete", "fail", "wait", "panic", "retry", "mail", "child"];

pub(crate) fn worker(build: &str) -> Worker {
    let mut worker = Worker::new();
    for name in TYPES {
        worker = worker.workflow(Workflow::new(name), go_its_way);
    }
    worker
        .activity(BROKEN, async |_, ()| Err(ActivityError::new("gateway", "503 from host 17")))
        .activity(MAIL, async |_, ()| Ok(()))
        .search_attribute(CENTS)
        .search_attribute(DUE)
        .build_id(build.to_owned())
}

#[expect(clippy::panic, reason = "it is what the workflow is for")]
async fn go_its_way(ctx: &WorkflowContext, way: String) -> Result<u32, WorkflowError> {
    match way.as_str() {
        "fail" => {
            let message = format!("card {} has no funds", (ctx.random() * 1_000.0).floor());
            return Err(WorkflowError::new("declined", message));
        }
        "wait" => ctx.signal(GO).await,
        "panic" => panic!("on purpose"),
        "retry" => ctx.activity(BROKEN, ()).await?,
        "mail" => {
            ctx.activity(MAIL, ()).await?;
            ctx.signal(GO).await;
        }
        "child" => drop(ctx.child(CHILD, "complete".to_owned()).await?),
        "upsert" => {
            ctx.upsert_search_attribute(TIER, "gold");
            ctx.upsert_search_attribute(CENTS, 700);
            ctx.upsert_memo("note", "first");
            ctx.signal(GO).await;
            ctx.upsert_search_attribute(CENTS, 900);
            ctx.remove_search_attribute(TIER);
            ctx.upsert_memo("other", 2);
            ctx.signal(GO).await;
        }
        "turn" => {
            ctx.upsert_search_attribute(TIER, "silver");
            return ctx.continue_as_new("wait".to_owned());
        }
        _ => {}
    }
    Ok(7)
}

/// The real store; checkpoints come often, so that rows are read from both of its halves.
pub(crate) fn open(disk: &FaultDisk) -> Arc<EmbeddedStore> {
    let config = EmbeddedConfig {
        checkpoint_records: 200,
        checkpoint_interval: Duration::from_millis(20),
        values_file_bytes: 100_000,
        ..EmbeddedConfig::default()
    };
    Arc::new(EmbeddedStore::open_with(disk.clone(), config, Threads::Own).unwrap())
}
