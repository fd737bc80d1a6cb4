//! Attempts of activities: their timeouts, heartbeats, late results, and those that are completed
//! from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use everstep_engine::{
    Activity, ActivityContext, ActivityError, Failure, HistoryEvent, Payload, PendingActivityView,
    Rejection, Retry, RunStatus, Selector, StartRequest, TaskToken, Worker, Workflow,
    WorkflowContext,
};
use support::{Fixture, json};
use tokio::sync::{Notify, watch};

const SECOND: Duration = Duration::from_secs(1);
const WORK: Activity<(), u64> = Activity::new("work");
const RUN: Workflow<(), u64> = Workflow::new("run");
/// One retry, after exactly a second.
const ONCE_MORE: Retry = Retry::DEFAULT.max_attempts(2).jitter_percent(0);

/// What the test and the activity's code tell each other.
#[derive(Clone, Default)]
struct Stage {
    /// Details that each attempt found, by attempt.
    found: Arc<std::sync::Mutex<Vec<Option<u64>>>>,
    go_on: Arc<Notify>,
    attempts: Arc<watch::Sender<u32>>,
}

impl Stage {
    /// Waits until an attempt has come so far.
    fn reached(&self, fixture: &Fixture, attempt: u32) {
        let mut attempts = self.attempts.subscribe();
        fixture
            .wait(async { attempts.wait_for(|known| *known >= attempt).await.map(drop) })
            .unwrap();
    }

    fn found(&self) -> Vec<Option<u64>> {
        self.found.lock().unwrap().clone()
    }

    fn begin(&self, cx: &ActivityContext) {
        self.found.lock().unwrap().push(cx.heartbeat_details());
    }

    fn reach(&self, cx: &ActivityContext) {
        self.attempts.send_replace(cx.attempt());
    }
}

fn on_stage<F, R>(activity: Activity<(), u64>, code: F) -> (Fixture, Selector)
where
    F: Fn(ActivityContext) -> R + Send + Sync + Clone + 'static,
    R: Future<Output = Result<u64, ActivityError>> + Send + 'static,
{
    let mut fixture = Fixture::new();
    fixture.restart_with(worker(activity, code));
    let selector = Selector::newest(fixture.start("run", Payload::null()).workflow_id);
    (fixture, selector)
}

fn worker<F, R>(activity: Activity<(), u64>, code: F) -> Worker
where
    F: Fn(ActivityContext) -> R + Send + Sync + 'static,
    R: Future<Output = Result<u64, ActivityError>> + Send + 'static,
{
    Worker::new()
        .workflow(RUN, async move |ctx: &WorkflowContext, (): ()| {
            Ok(ctx.activity(activity, ()).await?)
        })
        .activity(activity, move |cx, ()| code(cx))
}

/// The activity that has not ended, once the loop has taken in what came before.
fn pending(fixture: &Fixture, selector: &Selector) -> PendingActivityView {
    fixture.advance(Duration::ZERO);
    fixture.engine().describe(selector).unwrap().pending_activities.remove(0)
}

fn failure(fixture: &Fixture, selector: &Selector) -> Failure {
    let result = fixture.result(selector);
    assert_eq!(result.status, RunStatus::Failed, "{result:?}");
    result.failure.unwrap()
}

#[test]
fn a_silent_attempt_is_dead_and_the_next_one_goes_on_where_it_was() {
    let stage = Stage::default();
    let code = {
        let stage = stage.clone();
        move |cx: ActivityContext| {
            let stage = stage.clone();
            async move {
                stage.begin(&cx);
                for done in 1..=3_u64 {
                    cx.heartbeat(&(u64::from(cx.attempt()) * 10 + done));
                }
                stage.reach(&cx);
                std::future::pending().await
            }
        }
    };
    let activity = WORK.retry(ONCE_MORE).heartbeat_timeout(SECOND);
    let (fixture, selector) = on_stage(activity, code);
    stage.reached(&fixture, 1);
    let view = pending(&fixture, &selector);
    assert_eq!((view.attempt, view.heartbeat_ms), (1, Some(1_000)));
    assert!(view.last_heartbeat.is_some() && view.last_heartbeat_at.is_some());

    fixture.advance(2 * SECOND);
    stage.reached(&fixture, 2);
    assert_eq!(stage.found(), [None, Some(13)]);
    fixture.advance(SECOND);
    let failure = failure(&fixture, &selector);
    assert_eq!((failure.kind.as_str(), failure.timeout.as_deref()), ("timeout", Some("heartbeat")));
    assert_eq!(failure.attempts, Some(2));
    assert_eq!(failure.details, Some(json("{\"last_heartbeat\":23}")));
}

#[test]
fn heartbeats_keep_an_attempt_alive_and_survive_its_process() {
    let stage = Stage::default();
    let code = {
        let stage = stage.clone();
        move |cx: ActivityContext| {
            let stage = stage.clone();
            async move {
                stage.begin(&cx);
                let mut done = cx.heartbeat_details().unwrap_or(0);
                loop {
                    done += 1;
                    cx.heartbeat(&done);
                    stage.attempts.send_replace(u32::try_from(done).unwrap());
                    if done == 8 {
                        return Ok(done);
                    }
                    stage.go_on.notified().await;
                }
            }
        }
    };
    let activity = WORK.heartbeat_timeout(4 * SECOND);
    let (mut fixture, selector) = on_stage(activity, code.clone());
    for done in 1..=6 {
        stage.reached(&fixture, done);
        // Longer than the timeout in all, never between two heartbeats.
        fixture.advance(2 * SECOND);
        stage.go_on.notify_one();
    }
    stage.reached(&fixture, 7);
    assert_eq!(stage.found(), [None], "one attempt");
    fixture.advance(2 * SECOND);
    fixture.restart_with(worker(activity, code));
    assert_eq!(fixture.result(&selector).result, Some(json("8")));
    assert_eq!(stage.found(), [None, Some(7)]);
}

#[test]
fn what_comes_after_the_timeout_is_late_and_does_not_wake_the_code() {
    let stage = Stage::default();
    let code = {
        let stage = stage.clone();
        move |cx: ActivityContext| {
            let stage = stage.clone();
            async move {
                if cx.attempt() == 2 {
                    return Ok(2);
                }
                stage.reach(&cx);
                stage.go_on.notified().await;
                Ok(1)
            }
        }
    };
    let activity = WORK.retry(ONCE_MORE).timeout(SECOND);
    let mut fixture = Fixture::new();
    fixture.restart_with(
        Worker::new()
            .workflow(RUN, async move |ctx: &WorkflowContext, (): ()| {
                let result = ctx.activity(activity, ()).await?;
                ctx.sleep(60 * SECOND).await;
                Ok(result)
            })
            .activity(activity, move |cx, ()| code(cx)),
    );
    let selector = Selector::newest(fixture.start("run", Payload::null()).workflow_id);
    stage.reached(&fixture, 1);
    fixture.advance(2 * SECOND);
    stage.go_on.notify_one();
    let engine = fixture.engine();
    let late = || {
        let page = engine.history(&selector, 1, 100).unwrap();
        page.events.into_iter().find_map(|event| match event.recorded.event {
            HistoryEvent::ActivityResultLate { attempt, outcome, .. } => Some((attempt, outcome)),
            _ => None,
        })
    };
    let mut changes = engine.changes();
    while late().is_none() {
        fixture.wait(async { tokio::time::timeout(SECOND, changes.recv()).await }).ok();
    }
    assert_eq!(late(), Some((1, Ok(json("1")))));
    assert_eq!(engine.stats().late_results, 1);
    fixture.advance(60 * SECOND);
    assert_eq!(fixture.result(&selector).result, Some(json("2")));
}

#[test]
fn all_attempts_together_have_a_limit_that_survives_a_restart() {
    let code = |_: ActivityContext| async { std::future::pending().await };
    let activity = WORK.schedule_to_close(5 * SECOND);
    let (mut fixture, selector) = on_stage(activity, code);
    fixture.advance(SECOND);
    fixture.restart_with(worker(activity, code));
    fixture.advance(4 * SECOND);
    let failure = failure(&fixture, &selector);
    assert_eq!(failure.timeout.as_deref(), Some("schedule_to_close"));
    assert_eq!(failure.attempts, Some(2), "the first was lost with its process");
    assert_eq!(fixture.engine().stats().running_attempts, 0);
}

#[test]
fn what_does_not_end_in_its_grace_is_given_up() {
    let stage = Stage::default();
    let code = {
        let stage = stage.clone();
        move |cx: ActivityContext| {
            let stage = stage.clone();
            async move {
                stage.reach(&cx);
                std::future::pending().await
            }
        }
    };
    let (fixture, selector) = on_stage(WORK.cancel_grace(3 * SECOND), code);
    stage.reached(&fixture, 1);
    fixture.wait(fixture.engine().cancel(&selector)).unwrap();
    fixture.advance(Duration::from_millis(2_999));
    assert_eq!(pending(&fixture, &selector).state, "cancel_requested");
    fixture.advance(Duration::from_millis(1));
    assert_eq!(fixture.result(&selector).status, RunStatus::Cancelled);
    let page = fixture.engine().history(&selector, 1, 100).unwrap();
    let abandoned = page.events.iter().any(|event| {
        matches!(event.recorded.event, HistoryEvent::ActivityCancelled { abandoned: true, .. })
    });
    assert!(abandoned, "{:?}", fixture.event_names(&selector));
}

/// An activity that is completed from outside; the test learns its tokens.
fn outside() -> (Arc<watch::Sender<Option<TaskToken>>>, impl Fn(ActivityContext) -> Outside + Clone)
{
    let tokens = Arc::new(watch::Sender::new(None));
    let sent = Arc::clone(&tokens);
    let code = move |cx: ActivityContext| {
        sent.send_replace(Some(cx.task_token()));
        let outside: Outside = Box::pin(async { Err(ActivityError::completed_from_outside()) });
        outside
    };
    (tokens, code)
}

type Outside = std::pin::Pin<Box<dyn Future<Output = Result<u64, ActivityError>> + Send + 'static>>;

#[test]
fn an_outcome_from_outside_comes_after_a_restart_and_once() {
    let (tokens, code) = outside();
    let (mut fixture, selector) = on_stage(WORK, code.clone());
    assert_eq!(pending(&fixture, &selector).state, "handed_over");
    let token = tokens.borrow().clone().unwrap();
    fixture.restart_with(worker(WORK, code));
    let view = pending(&fixture, &selector);
    assert_eq!((view.state.as_str(), view.attempt), ("handed_over", 1), "not lost");
    assert_eq!(view.task_token, Some(token.to_string()));
    let description = fixture.engine().describe(&selector).unwrap();
    assert_eq!(description.awaiting[0].kind, "completion");
    assert!(description.waiting_for.contains("from outside"), "{}", description.waiting_for);

    let engine = fixture.engine();
    let heartbeat = |token| fixture.wait(engine.heartbeat_activity(token, json("\"half\"")));
    assert!(!heartbeat(&token).unwrap());
    assert_eq!(pending(&fixture, &selector).last_heartbeat, Some(json("\"half\"")));
    let stale: TaskToken = token.to_string().replace(".1.1", ".1.2").parse().unwrap();
    assert!(matches!(heartbeat(&stale), Err(Rejection::ActivityNotPending { attempt: 2, .. })));

    fixture.wait(engine.complete_activity(&token, json("42"))).unwrap();
    assert_eq!(fixture.result(&selector).result, Some(json("42")));
    let again = fixture.wait(engine.complete_activity(&token, json("43")));
    assert!(matches!(again, Err(Rejection::WorkflowClosed(..))), "{again:?}");
    let nobody: TaskToken = "00000000-0000-0000-0000-000000000000.1.1".parse().unwrap();
    let unknown = fixture.wait(engine.fail_activity(&nobody, Failure::default()));
    assert!(matches!(unknown, Err(Rejection::ActivityNotFound(_))), "{unknown:?}");
}

#[test]
fn an_attempt_outside_fails_times_out_and_is_cancelled_as_any_other() {
    let (tokens, code) = outside();
    let activity = WORK.heartbeat_timeout(5 * SECOND).retry(ONCE_MORE.max_attempts(3));
    let (mut fixture, selector) = on_stage(activity, code.clone());
    let token = || tokens.borrow().clone().unwrap();
    fixture.advance(4 * SECOND);
    fixture.wait(fixture.engine().heartbeat_activity(&token(), json("1"))).unwrap();
    let first = token();
    fixture.restart_with(worker(activity, code.clone()));
    fixture.advance(4 * SECOND);
    assert_eq!(pending(&fixture, &selector).attempt, 1, "the heartbeat counted");
    fixture.advance(2 * SECOND);
    assert_eq!(pending(&fixture, &selector).attempt, 2);
    let late = fixture.wait(fixture.engine().complete_activity(&first, json("9")));
    assert!(matches!(late, Err(Rejection::ActivityNotPending { attempt: 1, .. })), "{late:?}");

    let failure = Failure::new("no_answer", "nobody was there");
    fixture.wait(fixture.engine().fail_activity(&token(), failure)).unwrap();
    fixture.advance(2 * SECOND);
    let view = pending(&fixture, &selector);
    assert_eq!((view.attempt, view.last_failure.unwrap().kind.as_str()), (3, "no_answer"));

    fixture.wait(fixture.engine().cancel(&selector)).unwrap();
    let engine = fixture.engine();
    let asked = fixture.wait(engine.heartbeat_activity(&token(), Payload::null())).unwrap();
    assert!(asked, "whoever works outside is told");
    fixture.wait(engine.fail_activity(&token(), Failure::new("cancelled", ""))).unwrap();
    assert_eq!(fixture.result(&selector).status, RunStatus::Cancelled);
}

#[test]
fn a_token_that_is_used_before_the_code_has_returned_wins() {
    let stage = Stage::default();
    let code = {
        let stage = stage.clone();
        move |cx: ActivityContext| {
            let stage = stage.clone();
            async move {
                stage.reach(&cx);
                stage.go_on.notified().await;
                Err(ActivityError::completed_from_outside())
            }
        }
    };
    let (fixture, selector) = on_stage(WORK, code);
    stage.reached(&fixture, 1);
    let run_id = fixture.engine().describe(&selector).unwrap().run_id;
    let token: TaskToken = format!("{run_id}.1.1").parse().unwrap();
    fixture.wait(fixture.engine().complete_activity(&token, json("7"))).unwrap();
    stage.go_on.notify_one();
    assert_eq!(fixture.result(&selector).result, Some(json("7")));
}

#[test]
fn a_run_is_timed_out_by_itself_after_its_delay() {
    let code = |_: ActivityContext| async { std::future::pending().await };
    let mut fixture = Fixture::new();
    fixture.restart_with(worker(WORK, code));
    for (run_ms, execution_ms, timeout) in
        [(Some(3_000), None, "run"), (Some(3_000), Some(2_000), "execution")]
    {
        let mut request = StartRequest::new("run", Payload::null());
        request.start_delay_ms = Some(10_000);
        request.run_timeout_ms = run_ms;
        request.execution_timeout_ms = execution_ms;
        let started = fixture.wait(fixture.engine().start(request)).unwrap();
        let selector = Selector::newest(started.workflow_id);
        fixture.advance(Duration::from_millis(11_999));
        fixture.restart_with(worker(WORK, code));
        assert_eq!(fixture.engine().describe(&selector).unwrap().status, RunStatus::Running);
        fixture.advance(Duration::from_millis(1_001));
        let result = fixture.result(&selector);
        assert_eq!(result.status, RunStatus::TimedOut, "{result:?}");
        assert_eq!(result.failure.unwrap().timeout.as_deref(), Some(timeout));
    }
}
