//! What rests on disk of a store that encrypts: nothing of any payload, wherever it was kept.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(dead_code, reason = "each test crate uses its part of the support")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use everstep_engine::{
    Activity, ActivityContext, ActivityError, Payload, PayloadLimits, Query, ScheduleInput,
    SearchAttribute, Selector, Signal, StartRequest, Table, Transaction, TransactionContext,
    Update, UpdateInput, Worker, Workflow, WorkflowContext, WorkflowError,
};
use everstep_storage::codec::{Keyring, SealingCodec};
use everstep_storage::{EmbeddedConfig, EmbeddedStore};
use support::{Fixture, json};

/// In everything that the run is given, says and leaves.
const SECRET: &str = "4111-1111-1111-1111";

const WORK: Activity<String, String> = Activity::new("work");
const KEEP: Transaction<String, String> = Transaction::new("keep");
const ROWS: Table<String> = Table::new("app", "rows");
const STATE: Query<(), String> = Query::new("state");
const SET: Update<String, String> = Update::new("set");
const GO: Signal<String> = Signal::new("go");
const MEMO: SearchAttribute<i64> = SearchAttribute::new("number");
const TELL: Workflow<String, String> = Workflow::new("tell");

fn worker() -> Worker {
    Worker::new()
        .workflow(TELL, async |ctx: &WorkflowContext, said: String| {
            ctx.publish(STATE, said.clone());
            ctx.upsert_memo("note", &said);
            ctx.upsert_search_attribute(MEMO, 7);
            let inline = said.clone();
            ctx.run("inline", async move || Ok(inline.clone())).await?;
            ctx.transaction(KEEP, said.clone()).await?;
            ctx.activity(WORK, said.clone()).await?;
            let (set, reply) = ctx.update(SET).await;
            reply.answer(set);
            let heard = ctx.signal(GO).await;
            Err::<String, _>(WorkflowError::new("told", heard))
        })
        .update(TELL, SET)
        .activity(WORK, async |ctx: ActivityContext, said: String| {
            ctx.heartbeat(&said);
            match ctx.attempt() {
                1 => Err(ActivityError::new("again", &said).with_details(Payload::from_value(
                    &[("said", &said)].into_iter().collect::<std::collections::BTreeMap<_, _>>(),
                )?)),
                _ => Ok(ctx.heartbeat_details::<String>().unwrap_or_default()),
            }
        })
        .transaction(KEEP, |tx: &mut TransactionContext<'_>, said: String| {
            tx.put(ROWS, "row", &said)?;
            Ok(said)
        })
}

/// Files below a directory that hold the secret.
fn telling(dir: &Path) -> usize {
    let holds = |path: &Path| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(SECRET.len()).any(|found| found == SECRET.as_bytes())
    };
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file() && holds(path)).count()
}

/// Lives a life that leaves a row of every kind, looking at the disk on the way: how many files
/// told the secret, at most.
fn live(codec: Option<SealingCodec>, inline_payload_bytes: usize) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let config = EmbeddedConfig {
        codec: codec.map(|codec| Arc::new(codec) as _),
        ..EmbeddedConfig::default()
    };
    let store = Arc::new(EmbeddedStore::open(dir.path(), config).unwrap());
    let mut fixture = Fixture::over(Arc::clone(&store) as _, 1 << 30);
    fixture.limit(PayloadLimits { inline_payload_bytes, ..PayloadLimits::DEFAULT });
    fixture.restart_with(worker());
    let mut told = 0;
    let mut look = || {
        store.checkpoint().unwrap();
        told = told.max(telling(dir.path()));
    };

    let secret = Payload::from_value(SECRET).unwrap();
    let mut request = StartRequest::new(TELL.name(), secret.clone());
    request.workflow_id = Some("run".into());
    request.memo = Some(json(&format!("{{\"card\":\"{SECRET}\"}}")));
    fixture.wait(fixture.engine().start(request)).unwrap();
    let run = Selector::newest("run");
    // Its heartbeat and its failure are kept while it waits for its second attempt.
    fixture.until(&run, |run| {
        run.pending_activities.iter().any(|activity| activity.last_heartbeat.is_some())
    });
    look();
    let definition = format!(
        r#"{{"spec": {{"interval_ms": 3600000}}, "action": {{"type": "tell", "input": "{SECRET}"}}}}"#
    );
    let definition = serde_json::from_str(&definition).unwrap();
    let schedule = ScheduleInput { definition, paused: Some(true), note: Some(SECRET.into()) };
    fixture.wait(fixture.engine().create_schedule("default", "s", schedule)).unwrap();
    // Admitted before the code waits for it.
    let update = UpdateInput { name: "set".into(), payload: secret, update_id: None };
    let asked = fixture.wait(fixture.engine().update(&run, update, Duration::ZERO)).unwrap();
    look();
    fixture.advance(Duration::from_secs(10));
    let answered = fixture.wait(fixture.engine().update_outcome(
        &run,
        &asked.update_id,
        Duration::from_secs(20),
    ));
    assert_eq!(answered.unwrap().result, Some(json(&format!("\"{SECRET}\""))));
    fixture.restart_with(worker());
    fixture.signal(&run, "go", &format!("\"{SECRET}\""));
    assert_eq!(fixture.result(&run).failure.unwrap().message, SECRET);
    look();
    let engine = fixture.engine();
    assert_eq!(engine.query(&run, "state").unwrap(), json(&format!("\"{SECRET}\"")));
    let row = fixture.wait(engine.transact("default", |tx| tx.get(ROWS, "row"))).unwrap();
    assert_eq!(row.as_deref(), Some(SECRET));
    told
}

#[test]
fn no_payload_can_be_read_on_disk_wherever_it_is_kept() {
    let keys = Keyring::parse("k:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=").unwrap();
    // In the history, and in rows beside it.
    for inline_bytes in [1 << 20, 10] {
        assert_eq!(live(Some(SealingCodec::encrypted(keys.clone())), inline_bytes), 0);
        let found = live(None, inline_bytes);
        assert!(found > 0, "without keys the same life can be read, so the search finds things");
    }
}
