//! The test kit, on workflows whose every move is known.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use everstep_engine::testing::{CrashDivergence, Scenario, TestError, explore_crashes, replay};
use everstep_engine::{
    Activity, ActivityError, Either, ExportedRun, Query, Retry, RunStatus, Signal, Worker,
    Workflow, WorkflowContext, WorkflowError, join_all, race,
};

const DAY: Duration = Duration::from_secs(24 * 3600);
const SUBSCRIBE: Workflow<u32, u32> = Workflow::new("subscribe");
const CHARGE: Activity<u32, u32> = Activity::new("charge").timeout(Duration::from_secs(30));
const NOTE: Activity<String, ()> = Activity::new("note").retry(Retry::NEVER);
const STOP: Signal<String> = Signal::new("stop");
const MONTHS: Query<(), u32> = Query::new("months");

/// Charges every thirty days until it is stopped or has done so often enough.
async fn subscribe(ctx: &WorkflowContext, months: u32) -> Result<u32, WorkflowError> {
    let mut sum = 0;
    for month in 1..=months {
        sum += ctx.activity(CHARGE, month).await?;
        ctx.publish(MONTHS, month);
        if let Either::First(_) = race(ctx.signal(STOP), ctx.sleep(DAY * 30)).await {
            break;
        }
    }
    Ok(sum)
}

fn worker() -> Worker {
    Worker::new().workflow(SUBSCRIBE, subscribe)
}

fn scenario() -> Scenario<u32> {
    Scenario::new(worker(), SUBSCRIBE, &12).answers(CHARGE, 10)
}

#[test]
fn a_year_is_played_at_once_and_tells_what_was_asked_for() {
    let played = scenario().play().unwrap();
    assert_eq!(played.output().unwrap(), 120);
    assert_eq!(played.lasted(), DAY * 360);
    assert_eq!(played.query(MONTHS).unwrap(), 12);
    assert_eq!(played.inputs(CHARGE).unwrap(), (1..=12).collect::<Vec<_>>());
    assert_eq!(played.timers(), [DAY * 30; 12]);
    assert_eq!(played.commands()[..2], ["activity charge", "timer 2592000000 ms"]);
    // The same scenario is the same run.
    assert_eq!(scenario().play().unwrap().run(), played.run());
}

#[test]
fn signals_and_cancels_come_when_they_are_due() {
    let stopped = scenario().signal_after(DAY * 75, STOP, &"moved".to_owned()).play().unwrap();
    assert_eq!((stopped.output().unwrap(), stopped.lasted()), (30, DAY * 75));
    let cancelled = scenario().cancel_after(DAY).play().unwrap();
    assert_eq!((cancelled.status(), cancelled.lasted()), (RunStatus::Cancelled, DAY));
    assert!(cancelled.output().unwrap_err().to_string().contains("cancelled"));
}

#[test]
fn what_hangs_runs_out_of_time() {
    let once = Activity::<u32, u32>::new("charge");
    let hung = Scenario::new(
        Worker::new().workflow(SUBSCRIBE, async |ctx: &WorkflowContext, month| {
            Ok(ctx.activity(CHARGE, month).retry(Retry::DEFAULT.max_attempts(2)).await?)
        }),
        SUBSCRIBE,
        &1,
    );
    let played = hung.hangs(once).play().unwrap();
    assert_eq!(played.failure().unwrap().timeout.as_deref(), Some("start_to_close"));
    assert!(played.lasted() >= Duration::from_secs(60), "{:?}", played.lasted());
}

#[test]
fn what_waits_for_nothing_is_told() {
    let waits = Worker::new().workflow(SUBSCRIBE, async |ctx: &WorkflowContext, _| {
        ctx.signal(STOP).await;
        Ok(1)
    });
    let stalled = Scenario::new(waits, SUBSCRIBE, &1).play().unwrap_err();
    assert!(matches!(&stalled, TestError::Stalled(why) if why.contains("stop")), "{stalled}");
    let long = scenario().at_most(DAY).play().unwrap_err();
    assert!(matches!(long, TestError::TooLong(_)), "{long}");
    let panics = Worker::new().workflow(SUBSCRIBE, async |ctx: &WorkflowContext, n| {
        assert!(ctx.workflow_id().is_empty(), "on purpose");
        Ok(n)
    });
    let stuck = Scenario::new(panics, SUBSCRIBE, &1).play().unwrap_err();
    assert!(matches!(&stuck, TestError::TaskFailed(why) if why.contains("purpose")), "{stuck}");
}

#[test]
fn every_crash_point_leads_to_the_same_end() {
    let report = explore_crashes(|| {
        let attempts = Arc::new(AtomicU32::new(0));
        let shop = Worker::new().workflow(SUBSCRIBE, async |ctx: &WorkflowContext, months| {
            let sum = subscribe(ctx, months).await?;
            let uuid = ctx.uuid();
            let spread = join_all((0..3).map(|n| ctx.activity(CHARGE, n))).await;
            let step = ctx.run("step", async || Ok(1)).await?;
            assert_eq!(uuid.get_version_num(), 4);
            Ok(sum + step + spread.into_iter().map(|one| one.unwrap_or(0)).sum::<u32>())
        });
        Scenario::new(shop, SUBSCRIBE, &4)
            .mock(CHARGE, move |_, _| {
                // The world fails now and then.
                let attempt = attempts.fetch_add(1, Ordering::SeqCst);
                async move {
                    tokio::task::yield_now().await;
                    if attempt % 3 == 1 { Err(ActivityError::new("busy", attempt)) } else { Ok(10) }
                }
            })
            .signal_after(DAY * 70, STOP, &"enough".to_owned())
    });
    let report = report.unwrap();
    assert!(report.crashes >= 12, "{report:?}");
    assert_eq!(report.events.len() as u64, report.crashes);
}

#[test]
fn a_run_that_a_crash_changes_is_found() {
    let report = explore_crashes(|| {
        let worker = Worker::new().workflow(SUBSCRIBE, async |ctx: &WorkflowContext, months| {
            // Once and never again: lost with its process, it fails.
            ctx.activity(NOTE, "only once".to_owned()).await?;
            Ok(months)
        });
        Scenario::new(worker, SUBSCRIBE, &4).answers(NOTE, ())
    });
    let divergence = report.unwrap_err();
    assert!(matches!(divergence, CrashDivergence::EndsOtherwise { .. }), "{divergence}");
    assert!(divergence.to_string().contains("failed lost"), "{divergence}");
}

#[test]
fn a_recorded_run_replays_to_the_same_end_or_says_where_not() {
    let played = scenario().play().unwrap();
    let file = serde_json::to_vec(played.run()).unwrap();
    let run = ExportedRun::parse(&file).unwrap();
    assert_eq!(&run, played.run());
    replay(&worker(), &run).unwrap();

    let dearer = Worker::new().workflow(SUBSCRIBE, async |ctx: &WorkflowContext, months| {
        Ok(subscribe(ctx, months).await? + 1)
    });
    let error = replay(&dearer, &run).unwrap_err().to_string();
    assert!(error.contains("result 120") && error.contains("result 121"), "{error}");
    let shorter = Worker::new()
        .workflow(SUBSCRIBE, async |ctx: &WorkflowContext, _| Ok(subscribe(ctx, 3).await?));
    let error = replay(&shorter, &run).unwrap_err().to_string();
    assert!(error.contains("recorded activity `charge`"), "{error}");
    let error = replay(&Worker::new(), &run).unwrap_err().to_string();
    assert!(error.contains("`subscribe`"), "{error}");
}

#[test]
fn a_redacted_run_keeps_its_shape_and_replays_as_far_as_that_goes() {
    let played = scenario().signal_after(DAY, STOP, &"secret".to_owned()).play().unwrap();
    let mut run = played.run().clone();
    run.redact();
    let file = serde_json::to_string(&run).unwrap();
    assert!(!file.contains("secret") && file.contains("redacted"), "{file}");
    // Twelve months became none: the way differs, and the reason is told.
    let error = replay(&worker(), &run).unwrap_err().to_string();
    assert!(error.contains("values were taken out"), "{error}");
    let indifferent = Worker::new()
        .workflow(SUBSCRIBE, async |ctx: &WorkflowContext, _| Ok(subscribe(ctx, 12).await?));
    replay(&indifferent, &run).unwrap();
}
