//! Cancellation: scopes inside scopes, shields, and what a dropped future leaves in the history.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::time::Duration;

use everstep_engine::{
    Activity, ActivityContext, ActivityError, Either, HistoryEvent, Payload, Retry, RunStatus,
    Selector, Signal, Worker, Workflow, WorkflowContext, WorkflowError, join, race,
};
use support::{Fixture, json};

const SECOND: Duration = Duration::from_secs(1);
const DO: Activity<String, String> = Activity::new("do");
const HANG: Activity<(), ()> = Activity::new("hang");
const FAIL: Activity<(), ()> = Activity::new("fail").retry(Retry::DEFAULT.jitter_percent(0));
const GO: Signal<u32> = Signal::new("go");
const STOP: Signal<u32> = Signal::new("stop");

async fn step(ctx: &WorkflowContext, name: &str) -> Result<String, ActivityError> {
    ctx.activity(DO, name.to_owned()).await
}

fn begin(
    code: impl AsyncFn(&WorkflowContext, ()) -> Result<String, WorkflowError>
    + Send
    + Sync
    + Copy
    + 'static,
) -> Run {
    let worker = move || {
        Worker::new()
            .workflow(Workflow::new("run"), code)
            .activity(DO, async |_, name| Ok(name))
            .activity(FAIL, async |_, ()| Err(ActivityError::new("on_purpose", "")))
            .activity(HANG, async |cx: ActivityContext, ()| {
                cx.cancelled().await;
                Err(ActivityError::cancelled())
            })
    };
    let mut fixture = Fixture::new();
    fixture.restart_with(worker());
    let selector = Selector::newest(fixture.start("run", Payload::null()).workflow_id);
    Run { fixture, selector, worker: Box::new(worker) }
}

struct Run {
    fixture: Fixture,
    selector: Selector,
    worker: Box<dyn Fn() -> Worker>,
}

impl Run {
    fn cancel(&self) {
        self.fixture.wait(self.fixture.engine().cancel(&self.selector)).unwrap();
    }

    fn status(&self) -> RunStatus {
        self.fixture.result(&self.selector).status
    }

    /// A new process that replays what has happened so far.
    fn restart(&mut self) {
        self.fixture.restart_with((self.worker)());
    }

    /// The inputs of `do`, in the order in which they were scheduled.
    fn done(&self) -> Vec<String> {
        let page = self.fixture.engine().history(&self.selector, 1, 1_000).unwrap();
        let inputs = page.events.iter().filter_map(|event| match &event.recorded.event {
            HistoryEvent::ActivityScheduled { activity_type, input, .. }
                if **activity_type == *DO.name() =>
            {
                Some(input.to().unwrap())
            }
            _ => None,
        });
        inputs.collect()
    }

    fn events(&self) -> Vec<&'static str> {
        self.fixture.event_names(&self.selector)
    }
}

#[test]
fn scopes_end_from_the_inside_out_and_begin_nothing_more() {
    let mut run = begin(async |ctx, ()| {
        let outer = ctx.cancellable(async {
            let inner = ctx.cancellable(ctx.activity(HANG, ())).await;
            assert!(inner.is_err());
            ctx.shield(step(ctx, "shielded clean-up")).await?;
            // The outer scope is cancelled, too: this is not begun.
            step(ctx, "never").await
        });
        assert!(outer.await.is_err());
        Ok(step(ctx, "clean-up").await?)
    });
    run.cancel();
    assert_eq!(run.fixture.result(&run.selector).result, Some(json("\"clean-up\"")));
    assert_eq!(run.done(), ["shielded clean-up", "clean-up"]);
    run.restart();
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_request_does_not_reach_a_scope_inside_a_shield() {
    let mut run = begin(async |ctx, ()| {
        let kept = ctx.shield(ctx.cancellable(async {
            ctx.sleep(10 * SECOND).await;
            step(ctx, "in the shield").await
        }));
        kept.await??;
        Ok(step(ctx, "never").await?)
    });
    run.cancel();
    run.restart();
    run.fixture.advance(10 * SECOND);
    assert_eq!(run.status(), RunStatus::Cancelled);
    assert_eq!(run.done(), ["in the shield"]);
    assert!(!run.events().contains(&"timer_cancelled"));
}

#[test]
fn what_was_held_back_goes_on_when_another_branch_takes_the_request() {
    let mut run = begin(async |ctx, ()| {
        ctx.shield(ctx.sleep(10 * SECOND)).await;
        // Both begin in the poll in which the shield ends; the scope takes the request.
        let (kept, scope) =
            join(step(ctx, "kept"), async { ctx.cancellable(step(ctx, "never")).await.map(drop) })
                .await;
        assert!(scope.is_err());
        Ok(kept?)
    });
    run.cancel();
    run.fixture.advance(10 * SECOND);
    assert_eq!(run.fixture.result(&run.selector).result, Some(json("\"kept\"")));
    assert_eq!(run.done(), ["kept"]);
    run.restart();
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_saga_inside_a_saga_is_undone_first_and_neither_is_disturbed() {
    let mut run = begin(async |ctx, ()| {
        ctx.saga(async |outer| {
            outer.compensate(DO, "undo a".to_owned());
            step(ctx, "a").await?;
            ctx.saga(async |inner| {
                inner.compensate(DO, "undo b".to_owned());
                step(ctx, "b").await?;
                Ok(ctx.activity(HANG, ()).await?)
            })
            .await?;
            Ok("done".to_owned())
        })
        .await
    });
    run.fixture.until(&run.selector, |description| {
        description.pending_activities.iter().any(|activity| activity.activity_type == "hang")
    });
    run.restart();
    run.cancel();
    assert_eq!(run.status(), RunStatus::Cancelled);
    assert_eq!(run.done(), ["a", "b", "undo b", "undo a"]);
}

#[test]
fn the_loser_of_a_race_is_withdrawn_in_the_history_whatever_it_is() {
    let mut run = begin(async |ctx, ()| {
        let Either::First(first) = race(ctx.signal(GO), ctx.activity(FAIL, ())).await else {
            return Err("the activity cannot win".into());
        };
        let Either::First(second) = race(ctx.signal(GO), ctx.sleep(3600 * SECOND)).await else {
            return Err("the timer cannot win".into());
        };
        let Either::First(third) = race(ctx.signal(GO), ctx.activity(HANG, ())).await else {
            return Err("the hanging activity cannot win".into());
        };
        // A wait for a signal that is dropped has taken nothing.
        let Either::Second(()) = race(ctx.signal(GO), ctx.sleep(SECOND)).await else {
            return Err("nobody sends a fourth".into());
        };
        let fourth = ctx.signal(GO).await;
        Ok(format!("{first}{second}{third}{fourth}"))
    });
    let send = |run: &Run, number: &str| run.fixture.signal(&run.selector, "go", number);
    let backing_off = |run: &Run| {
        run.fixture.until(&run.selector, |description| {
            description.pending_activities.iter().any(|activity| activity.state == "backing_off")
        });
    };
    backing_off(&run);
    send(&run, "1");
    let events = run.events();
    let tail = &events[events.len() - 4..];
    assert_eq!(
        tail,
        ["signal_received", "activity_cancel_requested", "timer_started", "activity_cancelled"]
    );
    run.restart();
    send(&run, "2");
    assert!(run.events().contains(&"timer_cancelled"));
    run.restart();
    send(&run, "3");
    run.fixture.until(&run.selector, |description| description.pending_activities.is_empty());
    run.fixture.advance(SECOND);
    run.restart();
    send(&run, "4");
    assert_eq!(run.fixture.result(&run.selector).result, Some(json("\"1234\"")));
    assert_eq!(run.events().iter().filter(|name| **name == "activity_cancelled").count(), 2);
}

#[test]
fn a_destructor_that_panics_does_not_end_the_loop() {
    struct Bomb;
    impl Drop for Bomb {
        #[expect(clippy::panic, reason = "it is what it is for")]
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    let run = begin(async |ctx, ()| {
        let bomb = Bomb;
        let gone = ctx.signal(GO).await;
        drop(bomb);
        Ok(gone.to_string())
    });
    let terminated = run.fixture.engine().terminate(&run.selector, "enough".into());
    run.fixture.wait(terminated).unwrap();
    assert_eq!(run.status(), RunStatus::Terminated);
    let next = run.fixture.start("run", Payload::null());
    let described = run.fixture.engine().describe(&Selector::newest(next.workflow_id)).unwrap();
    assert_eq!(described.status, RunStatus::Running);
}

#[test]
fn the_code_cancels_a_scope_of_its_own_and_goes_on_the_same_in_a_replay() {
    let mut run = begin(async |ctx, ()| {
        let scope = ctx.scope();
        let body = scope.run(async {
            let inner = ctx.cancellable(ctx.activity(HANG, ())).await;
            // Nothing more begins in a scope that ends.
            step(ctx, "never").await?;
            Ok::<_, ActivityError>(inner.is_ok())
        });
        let kept = async {
            let shielded = scope.run(async {
                let shielded = ctx.shield(async {
                    let first = ctx.signal(GO).await;
                    step(ctx, &format!("shielded after {first}")).await
                });
                shielded.await?;
                step(ctx, "never either").await
            });
            shielded.await.is_err()
        };
        let canceller = async {
            let by = ctx.signal(STOP).await;
            step(ctx, "before").await.unwrap();
            scope.cancel();
            scope.cancel();
            by
        };
        // The scopes are polled before the one who cancels them.
        let ((body, kept), by) = join(join(body, kept), canceller).await;
        let late = scope.run(step(ctx, "late")).await;
        let after = step(ctx, "after").await?;
        ctx.signal(GO).await;
        Ok(format!("{} {kept} {by} {} {after}", body.is_err(), late.is_err()))
    });
    run.restart();
    run.fixture.signal(&run.selector, "stop", "7");
    run.fixture
        .until(&run.selector, |run| run.pending_activities.is_empty() && run.history_length > 8);
    run.restart();
    // The shield holds its scope open; then it is gone, too.
    run.fixture.signal(&run.selector, "go", "1");
    run.fixture
        .until(&run.selector, |run| run.pending_activities.is_empty() && run.history_length > 14);
    run.restart();
    run.fixture.signal(&run.selector, "go", "2");
    let result = run.fixture.result(&run.selector);
    assert_eq!(result.result, Some(json("\"true true 7 true after\"")), "{result:?}");
    assert_eq!(run.done(), ["before", "shielded after 1", "after"]);
    let cancelled = run.events().iter().filter(|name| **name == "activity_cancelled").count();
    assert_eq!(cancelled, 1);
}

#[test]
fn a_request_from_outside_reaches_a_workflow_that_has_cancelled_a_scope_before() {
    let run = begin(async |ctx, ()| {
        let scope = ctx.scope();
        scope.cancel();
        let ended = scope.run(step(ctx, "never")).await;
        assert!(ended.is_err() && scope.is_cancelled());
        ctx.signal(GO).await;
        Ok("not cancelled".to_owned())
    });
    run.cancel();
    assert_eq!(run.status(), RunStatus::Cancelled);
    assert!(run.done().is_empty());
}
