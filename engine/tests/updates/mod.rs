//! Updates against everything that may happen to a run meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use everstep_engine::{
    Activity, ActivityError, Either, ResetRequest, RunStatus, Selector, Signal, Update,
    UpdateInput, UpdateState, UpdateStatus, Worker, Workflow, WorkflowContext, race,
    replay_history,
};

use crate::support::{Fixture, json};

const REGISTER: Workflow<(), u64> = Workflow::new("register");
const BUSY: Workflow<(), u64> = Workflow::new("busy");
const CARELESS: Workflow<(), ()> = Workflow::new("careless");
const SET: Update<u64, u64> = Update::new("set");
const FINISH: Update<(), u64> = Update::new("finish");
const GO: Signal<()> = Signal::new("go");
const IDENTITY: Activity<u64, u64> = Activity::new("identity");

/// `judged` counts how often the validator has run.
fn worker(judged: &Arc<AtomicUsize>) -> Worker {
    let judged = Arc::clone(judged);
    Worker::new()
        .workflow(REGISTER, async move |ctx: &WorkflowContext, (): ()| {
            let mut value = 0;
            loop {
                // A timer that is started only when no update is there yet.
                let set = ctx.update(SET).validate(|new| {
                    judged.fetch_add(1, Ordering::SeqCst);
                    assert_ne!(*new, 13, "unlucky");
                    if *new < value { Err(format!("less than {value}")) } else { Ok(()) }
                });
                let set = race(set, ctx.sleep(Duration::from_secs(3_600)));
                match race(set, ctx.update(FINISH)).await {
                    Either::First(Either::First((new, reply))) => {
                        let new = ctx.activity(IDENTITY, new).await?;
                        reply.answer(std::mem::replace(&mut value, new));
                    }
                    Either::First(Either::Second(())) => value += 1_000,
                    Either::Second(((), reply)) => {
                        reply.answer(value);
                        return Ok(value);
                    }
                }
            }
        })
        .update(REGISTER, SET)
        .update(REGISTER, FINISH)
        .workflow(BUSY, async |ctx: &WorkflowContext, (): ()| {
            ctx.signal(GO).await;
            let mut sum = 0;
            for _ in 0..3 {
                let (new, reply) = ctx.update(SET).await;
                sum += new;
                reply.answer(sum);
            }
            Ok(sum)
        })
        .update(BUSY, SET)
        .workflow(CARELESS, async |ctx: &WorkflowContext, (): ()| {
            drop(ctx.update(SET).await);
            let (_, reply) = ctx.update(SET).await;
            reply.fail("not today");
            let _reply = ctx.update(SET).await;
            ctx.signal(GO).await;
            Ok(())
        })
        .update(CARELESS, SET)
        .activity(IDENTITY, async |_, n| Ok::<_, ActivityError>(n))
}

struct Updates {
    fixture: Fixture,
    judged: Arc<AtomicUsize>,
}

impl Updates {
    fn with_budget(budget: u64) -> Self {
        let judged = Arc::default();
        let mut fixture = Fixture::with_budget(budget);
        fixture.restart_with(worker(&judged));
        Self { fixture, judged }
    }

    fn restart(&mut self) {
        self.fixture.restart_with(worker(&self.judged));
    }

    fn send(
        &self,
        run: &Selector,
        name: &str,
        argument: &str,
        wait: u64,
    ) -> Result<UpdateState, String> {
        let update =
            UpdateInput { name: name.into(), payload: json(argument), ..UpdateInput::default() };
        let wait = Duration::from_secs(wait);
        let answer = self.fixture.wait(self.fixture.engine().update(run, update, wait));
        answer.map_err(|rejection| rejection.code().to_owned())
    }

    fn answer(&self, run: &Selector, name: &str, argument: &str) -> String {
        let state = self.send(run, name, argument, 20).unwrap();
        assert_eq!(state.status, UpdateStatus::Completed, "{state:?}");
        state.result.unwrap().as_str().to_owned()
    }

    fn outcome(&self, run: &Selector, update_id: &str) -> UpdateState {
        let wait = Duration::from_secs(20);
        self.fixture.wait(self.fixture.engine().update_outcome(run, update_id, wait)).unwrap()
    }
}

#[test]
fn replay_goes_the_recorded_way_and_validates_nothing() {
    // With no memory at all, every update finds its run put out and replays it.
    for budget in [0, 1 << 30] {
        let mut updates = Updates::with_budget(budget);
        let run = Selector::newest(updates.fixture.start("register", json("null")).workflow_id);
        for (new, old) in [("5", "0"), ("7", "5")] {
            assert_eq!(updates.answer(&run, "set", new), old);
            assert_eq!(updates.send(&run, "set", "1", 20).unwrap_err(), "update_rejected");
        }
        assert_eq!(updates.send(&run, "set", "13", 20).unwrap_err(), "update_rejected");
        updates.fixture.advance(Duration::from_secs(3_600));
        let judged = updates.judged.load(Ordering::SeqCst);
        assert_eq!(judged, 5);
        updates.restart();
        assert_eq!(updates.answer(&run, "set", "2000"), "1007");
        assert_eq!(updates.judged.load(Ordering::SeqCst), judged + 1);
        assert_eq!(updates.answer(&run, "finish", "null"), "2000");
        assert_eq!(updates.fixture.result(&run).result, Some(json("2000")));

        let page = updates.fixture.engine().history(&run, 1, 1_000).unwrap();
        let history: Vec<_> = page.events.into_iter().map(|event| event.recorded).collect();
        for length in 1..=history.len() {
            let report = replay_history(&worker(&Arc::default()), &history[..length]).unwrap();
            assert_eq!(report.failure, None, "after event {length}");
        }
    }
}

#[test]
fn what_the_code_does_not_listen_for_waits_in_order() {
    let mut updates = Updates::with_budget(0);
    let run = Selector::newest(updates.fixture.start("busy", json("null")).workflow_id);
    let ids: Vec<String> = (1..=3)
        .map(|number| {
            let state = updates.send(&run, "set", &number.to_string(), 0).unwrap();
            assert_eq!(state.status, UpdateStatus::Admitted);
            state.update_id
        })
        .collect();
    assert_eq!(updates.fixture.event_names(&run), ["workflow_started"]);
    updates.restart();
    updates.fixture.signal(&run, "go", "null");
    let sums: Vec<_> =
        ids.iter().map(|id| updates.outcome(&run, id).result.unwrap().to_string()).collect();
    assert_eq!(sums, ["1", "3", "6"]);
    assert_eq!(updates.fixture.result(&run).result, Some(json("6")));
}

#[test]
fn a_paused_run_takes_updates_when_it_is_resumed() {
    let updates = Updates::with_budget(1 << 30);
    let fixture = &updates.fixture;
    let run = Selector::newest(fixture.start("register", json("null")).workflow_id);
    fixture.wait(fixture.engine().pause(&run, "a look".into())).unwrap();
    let kept = updates.send(&run, "set", "5", 0).unwrap();
    assert_eq!(kept.status, UpdateStatus::Admitted);
    fixture.wait(fixture.engine().resume(&run)).unwrap();
    assert_eq!(updates.outcome(&run, &kept.update_id).result, Some(json("0")));
}

#[test]
fn callers_hear_of_replies_that_are_dropped_and_of_the_end() {
    let updates = Updates::with_budget(1 << 30);
    let run = Selector::newest(updates.fixture.start("careless", json("null")).workflow_id);
    for kind in ["unanswered", "error"] {
        let state = updates.send(&run, "set", "1", 20).unwrap();
        assert_eq!(state.status, UpdateStatus::Failed);
        assert_eq!(state.failure.unwrap().kind, kind);
    }
    let taken = updates.send(&run, "set", "1", 0).unwrap();
    assert_eq!(taken.status, UpdateStatus::Accepted);
    let waiting = updates.send(&run, "set", "2", 0).unwrap();
    assert_eq!(waiting.status, UpdateStatus::Admitted);
    updates.fixture.signal(&run, "go", "null");
    assert_eq!(updates.fixture.result(&run).status, RunStatus::Completed);
    // The reply is dropped with the code that held it.
    assert_eq!(updates.outcome(&run, &taken.update_id).failure.unwrap().kind, "unanswered");
    let engine = updates.fixture.engine();
    let late =
        updates.fixture.wait(engine.update_outcome(&run, &waiting.update_id, Duration::ZERO));
    assert_eq!(late.unwrap_err().code(), "workflow_closed");
}

#[test]
fn a_run_takes_only_so_many_at_once() {
    let updates = Updates::with_budget(1 << 30);
    let run = Selector::newest(updates.fixture.start("busy", json("null")).workflow_id);
    for _ in 0..1_000 {
        updates.send(&run, "set", "1", 0).unwrap();
    }
    assert_eq!(updates.send(&run, "set", "1", 0).unwrap_err(), "too_many_updates");
}

fn reset(updates: &Updates, run: &Selector, to_event_id: u64, reapply_signals: bool) {
    let request = ResetRequest { reapply_signals, ..ResetRequest::new(to_event_id, "a test") };
    updates.fixture.wait(updates.fixture.engine().reset(run, request)).unwrap();
}

#[test]
fn a_reset_asks_again_what_it_has_cut_away() {
    for budget in [0, 1 << 30] {
        let mut updates = Updates::with_budget(budget);
        let run = Selector::newest(updates.fixture.start("register", json("null")).workflow_id);
        assert_eq!(updates.answer(&run, "set", "5"), "0");
        let before = updates.fixture.event_names(&run).len() as u64;
        let second = updates.send(&run, "set", "7", 20).unwrap();
        reset(&updates, &run, before, true);
        updates.restart();
        // Under the same id, with the answer of the new run.
        assert_eq!(updates.outcome(&run, &second.update_id).result, Some(json("5")));
        assert_eq!(updates.answer(&run, "set", "9"), "7");

        reset(&updates, &run, before, false);
        updates.restart();
        let left_out = updates.outcome(&run, &second.update_id);
        assert_eq!(left_out.failure.unwrap().kind, "reset");
        assert_eq!(updates.answer(&run, "finish", "null"), "5");
        let page = updates.fixture.engine().history(&run, 1, 1_000).unwrap();
        let history: Vec<_> = page.events.into_iter().map(|event| event.recorded).collect();
        let report = replay_history(&worker(&Arc::default()), &history).unwrap();
        assert_eq!(report.failure, None);
    }
}

#[test]
fn a_reset_takes_along_what_the_code_had_not_looked_at() {
    let mut updates = Updates::with_budget(1 << 30);
    let run = Selector::newest(updates.fixture.start("busy", json("null")).workflow_id);
    let ids: Vec<String> = (1..=3)
        .map(|number| updates.send(&run, "set", &number.to_string(), 0).unwrap().update_id)
        .collect();
    reset(&updates, &run, 1, true);
    updates.restart();
    updates.fixture.signal(&run, "go", "null");
    let sums: Vec<_> =
        ids.iter().map(|id| updates.outcome(&run, id).result.unwrap().to_string()).collect();
    assert_eq!(sums, ["1", "3", "6"]);
    assert_eq!(updates.fixture.result(&run).result, Some(json("6")));

    let again = Selector::newest(updates.fixture.start("busy", json("null")).workflow_id);
    let kept = updates.send(&again, "set", "1", 0).unwrap();
    reset(&updates, &again, 1, false);
    assert_eq!(updates.outcome(&again, &kept.update_id).failure.unwrap().kind, "reset");
}
