//! Code that changes while runs are open: patches, their retirement, versions side by side.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(dead_code, reason = "each test crate uses its part of the support")]

mod support;

use std::time::Duration;

use everstep_engine::{
    Activity, RunStatus, Selector, Signal, Worker, Workflow, WorkflowContext, WorkflowError,
};

use support::Fixture;

const TRIP: Workflow<(), String> = Workflow::new("trip");
const LEFT: Activity<(), ()> = Activity::new("left");
const RIGHT: Activity<(), ()> = Activity::new("right");
const GO: Signal<()> = Signal::new("go");

fn worker() -> Worker {
    Worker::new().activity(LEFT, async |_, ()| Ok(())).activity(RIGHT, async |_, ()| Ok(()))
}

/// Both before and after a signal, so that there is a moment in which to change the code.
async fn old(ctx: &WorkflowContext, (): ()) -> Result<String, WorkflowError> {
    ctx.activity(LEFT, ()).await?;
    ctx.signal(GO).await;
    ctx.activity(LEFT, ()).await?;
    Ok("left".into())
}

async fn patched(ctx: &WorkflowContext, (): ()) -> Result<String, WorkflowError> {
    let mut way = "";
    for round in 0..2 {
        way = if ctx.patched("right") { "right" } else { "left" };
        ctx.activity(if way == "right" { RIGHT } else { LEFT }, ()).await?;
        if round == 0 {
            ctx.signal(GO).await;
        }
    }
    Ok(way.into())
}

async fn deprecated(ctx: &WorkflowContext, (): ()) -> Result<String, WorkflowError> {
    ctx.deprecate_patch("right");
    new(ctx, ()).await
}

async fn new(ctx: &WorkflowContext, (): ()) -> Result<String, WorkflowError> {
    ctx.activity(RIGHT, ()).await?;
    ctx.signal(GO).await;
    ctx.activity(RIGHT, ()).await?;
    Ok("right".into())
}

/// Waits until the run's history has an event of that type.
fn until(fixture: &Fixture, run: &Selector, event: &str) {
    let mut changes = fixture.engine().changes();
    while !fixture.event_names(run).contains(&event) {
        let news = async { tokio::time::timeout(Duration::from_secs(20), changes.recv()).await };
        assert!(fixture.wait(news).is_ok(), "no {event}: {:?}", fixture.event_names(run));
    }
}

fn started(fixture: &Fixture) -> Selector {
    let selector =
        Selector::newest(fixture.start("trip", everstep_engine::Payload::null()).workflow_id);
    until(fixture, &selector, "activity_completed");
    selector
}

fn finish(fixture: &Fixture, run: &Selector) -> String {
    fixture.signal(run, "go", "null");
    let ended = fixture.result(run);
    assert_eq!(ended.status, RunStatus::Completed, "{ended:?}");
    ended.result.unwrap().to().unwrap()
}

fn task_failure(fixture: &Fixture, run: &Selector) -> everstep_engine::kernel::TaskFailure {
    fixture.engine().describe(run).unwrap().task_failure.unwrap()
}

#[test]
fn a_patch_is_taken_by_new_runs_and_never_by_old_ones() {
    let mut fixture = Fixture::new();
    fixture.restart_with(worker().workflow(TRIP, old));
    let before = started(&fixture);
    fixture.restart_with(worker().workflow(TRIP, patched));
    let after = started(&fixture);
    let patches = |run: &Selector| fixture.engine().describe(run).unwrap().patches;
    assert_eq!((patches(&before), patches(&after)), (vec![], vec!["right".to_owned()]));
    fixture.restart_with(worker().workflow(TRIP, patched));
    // The first answer holds for the run, although its second call comes when it is live again.
    assert_eq!(finish(&fixture, &before), "left");
    assert_eq!(finish(&fixture, &after), "right");
    let marked = |run| {
        let events = fixture.event_names(run);
        events.iter().filter(|name| **name == "patch_marked").count()
    };
    assert_eq!((marked(&before), marked(&after)), (0, 1));
}

#[test]
fn a_patch_is_retired_in_two_steps_and_haste_is_named() {
    let mut fixture = Fixture::new();
    fixture.restart_with(worker().workflow(TRIP, old));
    let unpatched = started(&fixture);
    fixture.restart_with(worker().workflow(TRIP, patched));
    let (marked, other) = (started(&fixture), started(&fixture));

    fixture.restart_with(worker().workflow(TRIP, deprecated));
    assert_eq!(finish(&fixture, &marked), "right");
    fixture.signal(&unpatched, "go", "null");
    let failure = task_failure(&fixture, &unpatched);
    assert!(failure.recorded.unwrap().contains("left"), "a run that the patch still served");
    let retired = started(&fixture);

    fixture.restart_with(worker().workflow(TRIP, new));
    assert_eq!(finish(&fixture, &retired), "right");
    fixture.signal(&other, "go", "null");
    let failure = task_failure(&fixture, &other);
    assert_eq!(failure.recorded.as_deref(), Some("patch `right`"));
    // Whoever deployed too early goes back, and nothing is lost.
    fixture.restart_with(worker().workflow(TRIP, patched));
    fixture.advance(Duration::from_secs(60));
    for (run, way) in [(&unpatched, "left"), (&other, "right")] {
        assert_eq!(fixture.result(run).result.unwrap().to::<String>().unwrap(), way);
    }
}

#[test]
fn code_that_panicked_is_mended_with_a_patch() {
    async fn panics(ctx: &WorkflowContext, (): ()) -> Result<String, WorkflowError> {
        ctx.activity(LEFT, ()).await?;
        ctx.signal(GO).await;
        assert!(ctx.workflow_id().is_empty(), "on purpose");
        Ok("never".into())
    }
    async fn mended(ctx: &WorkflowContext, (): ()) -> Result<String, WorkflowError> {
        ctx.activity(LEFT, ()).await?;
        ctx.signal(GO).await;
        let way = if ctx.patched("mended") { RIGHT } else { LEFT };
        ctx.activity(way, ()).await?;
        ctx.signal(GO).await;
        Ok(way.name().into())
    }
    let mut fixture = Fixture::new();
    fixture.restart_with(worker().workflow(TRIP, panics));
    let run = started(&fixture);
    fixture.signal(&run, "go", "null");
    assert_eq!(task_failure(&fixture, &run).kind.name(), "panic");
    for _ in 0..2 {
        // Again after the recovery is history.
        fixture.restart_with(worker().workflow(TRIP, mended));
        until(&fixture, &run, "patch_marked");
    }
    assert_eq!(finish(&fixture, &run), "right");
}

#[test]
fn open_runs_stay_with_their_version_until_they_are_upgraded() {
    async fn upgraded(ctx: &WorkflowContext, (): ()) -> Result<String, WorkflowError> {
        Ok(format!("{} by 2", old(ctx, ()).await?))
    }
    let mut fixture = Fixture::new();
    fixture.restart_with(worker().workflow(TRIP, old));
    let (first, second, third) = (started(&fixture), started(&fixture), started(&fixture));
    let both = || worker().workflow(TRIP, old).version(TRIP, "2", upgraded);
    fixture.restart_with(both());
    let newest = started(&fixture);
    assert_eq!(fixture.engine().describe(&newest).unwrap().version, "2");
    assert_eq!(finish(&fixture, &first), "left");
    assert_eq!(finish(&fixture, &newest), "left by 2");

    fixture.restart_with(worker().version(TRIP, "2", upgraded));
    fixture.signal(&second, "go", "null");
    let failure = task_failure(&fixture, &second);
    assert_eq!(failure.kind.name(), "unregistered");
    assert!(failure.message.contains("the code without a version"), "{}", failure.message);

    fixture.restart_with(worker().version(TRIP, "2", upgraded).upgrade(TRIP, "", "2"));
    assert_eq!(fixture.result(&second).result.unwrap().to::<String>().unwrap(), "left by 2");
    assert_eq!(finish(&fixture, &third), "left by 2");
}
