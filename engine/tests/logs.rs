//! What workflow code logs: once, however often its history is replayed, and with whose it is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(dead_code, reason = "each test crate uses its part of the support")]

mod support;

use std::fmt::Debug;
use std::sync::Mutex;

use everstep_engine::{
    Activity, ActivityContext, ActivityError, Retry, Selector, Signal, Worker, Workflow,
    WorkflowContext, with_run_fields,
};
use everstep_storage::MemoryStore;
use support::{Fixture, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const CLERK: Workflow<u64, u64> = Workflow::new("clerk");
const STAMP: Activity<u64, u64> =
    Activity::new("stamp").retry(Retry::DEFAULT.initial_interval(std::time::Duration::ZERO));
const PAPER: Signal<u64> = Signal::new("paper");

/// Lines with the fields that a formatter would add.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// As small as a subscriber can be: it takes what this test logs.
struct Lines;

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "logs"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        let of = with_run_fields(|run| run.map(ToString::to_string)).unwrap_or_default();
        LINES.lock().unwrap().push(format!("{} {of}", message.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn worker() -> Worker {
    Worker::new()
        .workflow(CLERK, async |ctx: &WorkflowContext, papers: u64| {
            tracing::info!("at work");
            let mut stamped = 0;
            for _ in 0..papers {
                let paper = ctx.signal(PAPER).await;
                tracing::info!("took {paper}");
                stamped += ctx.activity(STAMP, paper).await?;
                let step = ctx.run("shelve", async move || {
                    tracing::info!("shelved {paper}");
                    Ok(())
                });
                step.await?;
            }
            tracing::info!("done");
            Ok(stamped)
        })
        .activity(STAMP, async |ctx: ActivityContext, paper: u64| {
            // Its first poll is on the engine's thread, the second one is not.
            tokio::task::yield_now().await;
            tracing::info!("stamping {paper}");
            match ctx.attempt() {
                1 => Err(ActivityError::new("dry", "no ink")),
                _ => Ok(paper),
            }
        })
}

#[test]
fn a_line_is_written_once_over_evictions_and_restarts() {
    tracing::subscriber::set_global_default(Lines).unwrap();
    // No run stays in memory that only waits.
    let mut fixture = Fixture::over(std::sync::Arc::new(MemoryStore::new()), 0);
    fixture.restart_with(worker());
    let started = fixture.start("clerk", json("3"));
    let selector = Selector::newest(started.workflow_id.clone());
    for paper in 1..=3 {
        fixture.signal(&selector, "paper", &paper.to_string());
        if paper < 3 {
            fixture.until(&selector, |run| run.history_length >= paper * 9 && waits(run));
            fixture.restart_with(worker());
        }
    }
    assert_eq!(fixture.result(&selector).result, Some(json("6")));
    assert!(fixture.engine().stats().replays > 0);

    let id = &started.workflow_id;
    let run = format!("workflow_id={id:?} run_id={} workflow_type=\"clerk\"", started.run_id);
    let mut expected = vec![format!("at work {run}")];
    for paper in 1..=3 {
        let (stamp, shelve) = (paper * 2 - 1, paper * 2);
        let of = |kind: &str, id: u64, attempt: u32| {
            format!("{run} activity_type={kind:?} activity_id={id} attempt={attempt}")
        };
        expected.push(format!("took {paper} {run}"));
        expected.push(format!("stamping {paper} {}", of("stamp", stamp, 1)));
        expected.push(format!("stamping {paper} {}", of("stamp", stamp, 2)));
        expected.push(format!("shelved {paper} {}", of("shelve", shelve, 1)));
    }
    expected.push(format!("done {run}"));
    assert_eq!(*LINES.lock().unwrap(), expected);
}

fn waits(run: &everstep_engine::RunDescription) -> bool {
    run.pending_activities.is_empty() && !run.awaiting.is_empty()
}
