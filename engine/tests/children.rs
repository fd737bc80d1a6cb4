//! Runs and other runs: children, detached starts, signals between workflows.

#![expect(dead_code, reason = "each test crate uses its part of the support")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use everstep_engine::{
    ClosePolicy, ListFilter, Payload, ResetRequest, RunId, RunStatus, Selector, Signal, Worker,
    Workflow, WorkflowContext, WorkflowError, join_all, race, replay_history,
};
use support::{Fixture, json};

const ECHO: Workflow<u64, u64> = Workflow::new("echo");
const NAP: Workflow<u64, u64> = Workflow::new("nap");
const FAILS: Workflow<(), ()> = Workflow::new("fails");
const SHIELDED: Workflow<(), ()> = Workflow::new("shielded");
const WAITER: Workflow<(), u64> = Workflow::new("waiter");
const NUMBER: Signal<u64> = Signal::new("number");
const GO: Signal<()> = Signal::new("go");

fn relatives() -> Worker {
    Worker::new()
        .workflow(ECHO, async |_: &WorkflowContext, n: u64| Ok(n))
        .workflow(NAP, async |ctx: &WorkflowContext, ms: u64| {
            ctx.sleep(Duration::from_millis(ms)).await;
            Ok(ms)
        })
        .workflow(FAILS, async |_: &WorkflowContext, (): ()| {
            Err::<(), _>(WorkflowError::new("declined", "no funds"))
        })
        .workflow(SHIELDED, async |ctx: &WorkflowContext, (): ()| {
            ctx.shield(ctx.signal(GO)).await;
            Ok(())
        })
        .workflow(WAITER, async |ctx: &WorkflowContext, (): ()| Ok(ctx.signal(NUMBER).await))
        .workflow(Workflow::new("sum_of_echoes"), async |ctx: &WorkflowContext, width: u64| {
            let outcomes = join_all((0..width).map(|n| ctx.child(ECHO, n))).await;
            let mut sum = 0;
            for outcome in outcomes {
                sum += outcome?;
            }
            Ok(sum)
        })
        .workflow(Workflow::new("parent_of"), async |ctx: &WorkflowContext, policy: String| {
            let policy = match policy.as_str() {
                "cancel" => ClosePolicy::Cancel,
                "abandon" => ClosePolicy::Abandon,
                _ => ClosePolicy::Terminate,
            };
            let child = ctx.child(NAP, 60_000).id("the-child").close_policy(policy);
            Ok(child.await?)
        })
        .workflow(Workflow::new("abandons"), async |ctx: &WorkflowContext, (): ()| {
            Ok(ctx.child(NAP, 60_000).close_policy(ClosePolicy::Abandon).await?)
        })
        .workflow(Workflow::new("of_failing"), async |ctx: &WorkflowContext, (): ()| {
            Ok(ctx.child(FAILS, ()).id("failing").await?)
        })
        .workflow(Workflow::new("racer"), async |ctx: &WorkflowContext, (): ()| {
            let child = ctx.child(NAP, 60_000).id("slow");
            race(child, ctx.sleep(Duration::from_secs(1))).await;
            Ok(())
        })
        .workflow(Workflow::new("waits_for_end"), async |ctx: &WorkflowContext, (): ()| {
            let ended = ctx.cancellable(ctx.child(SHIELDED, ()).id("shielded")).await;
            Ok(ended.is_err())
        })
        .workflow(Workflow::new("starter"), async |ctx: &WorkflowContext, (): ()| {
            let started = ctx.start(WAITER, ()).id("free").await?;
            let taken = ctx.start(WAITER, ()).id("free").await.unwrap_err();
            ctx.workflow("free").signal(NUMBER, &7).await?;
            let nobody = ctx.workflow("nobody").signal(NUMBER, &7).await.unwrap_err();
            let wrong = ctx.start(Workflow::<u64, ()>::new("unknown"), 1).await.unwrap_err();
            let long = ctx.start(WAITER, ()).id("x".repeat(513)).await.unwrap_err();
            assert_eq!(long.kind(), "invalid_request");
            Ok((
                started.workflow_id,
                taken.kind().to_owned(),
                nobody.kind().to_owned(),
                wrong.kind().to_owned(),
            ))
        })
}

fn fixture() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.restart_with(relatives());
    fixture
}

#[test]
fn children_are_joined_and_seen_from_both_sides() {
    let fixture = fixture();
    let started = fixture.start("sum_of_echoes", json("5"));
    let parent = Selector::newest(started.workflow_id);
    let result = fixture.result(&parent);
    assert_eq!(result.result, Some(json("10")), "{result:?}");
    let description = fixture.engine().describe(&parent).unwrap();
    assert_eq!(description.children.len(), 5);
    let child = fixture.engine().describe(&Selector::newest(&description.children[3])).unwrap();
    assert_eq!(child.parent.as_deref(), Some(&*parent.workflow_id));
    let filter = ListFilter {
        namespace: "default".into(),
        parent: Some(parent.workflow_id),
        ..ListFilter::default()
    };
    assert_eq!(fixture.engine().list(&filter, 100, None).unwrap().workflows.len(), 5);
}

#[test]
fn a_thousand_children_survive_an_engine_that_ends_between_the_letters() {
    let mut fixture = fixture();
    let parent = Selector::newest(fixture.start("sum_of_echoes", json("3000")).workflow_id);
    for _ in 0..5 {
        fixture.restart_with(relatives());
    }
    let result = fixture.result(&parent);
    assert_eq!(result.result, Some(json("4498500")), "{result:?}");
    let events = fixture.event_names(&parent);
    let count = |name: &str| events.iter().filter(|event| **event == name).count();
    assert_eq!(count("child_workflow_started"), 3000);
    assert_eq!(count("child_workflow_completed"), 3000);
}

#[test]
fn a_childs_failure_names_the_child() {
    let fixture = fixture();
    let failure = fixture.run("of_failing", Payload::null()).failure.unwrap();
    assert_eq!(failure.kind, "declined");
    assert!(failure.message.contains("`failing`"), "{failure:?}");
}

#[test]
fn close_policies_hold_when_the_parent_ends_first() {
    for (policy, status) in [
        ("terminate", RunStatus::Terminated),
        ("cancel", RunStatus::Cancelled),
        ("abandon", RunStatus::Completed),
    ] {
        let mut fixture = fixture();
        let started = fixture.start("parent_of", json(&format!("\"{policy}\"")));
        let (parent, child) =
            (Selector::newest(started.workflow_id), Selector::newest("the-child"));
        let waiting = fixture.engine().describe(&parent).unwrap().waiting_for;
        assert!(waiting.contains("child workflow `the-child`"), "{waiting}");
        fixture.restart_with(relatives());
        fixture.wait(fixture.engine().terminate(&parent, "enough".into())).unwrap();
        fixture.advance(Duration::from_secs(60));
        assert_eq!(fixture.result(&child).status, status, "{policy}");
        assert_eq!(fixture.result(&parent).status, RunStatus::Terminated);
    }
}

#[test]
fn a_child_that_loses_a_race_is_asked_to_cancel() {
    let mut fixture = fixture();
    let parent = Selector::newest(fixture.start("racer", Payload::null()).workflow_id);
    fixture.restart_with(relatives());
    fixture.advance(Duration::from_secs(1));
    assert_eq!(fixture.result(&parent).status, RunStatus::Completed);
    assert_eq!(fixture.result(&Selector::newest("slow")).status, RunStatus::Cancelled);
    let events = fixture.event_names(&parent);
    assert!(events.contains(&"child_workflow_cancel_requested"), "{events:?}");
}

#[test]
fn a_cancelled_scope_waits_until_its_children_have_ended() {
    let mut fixture = fixture();
    let parent = Selector::newest(fixture.start("waits_for_end", Payload::null()).workflow_id);
    fixture.wait(fixture.engine().cancel(&parent)).unwrap();
    fixture.restart_with(relatives());
    assert_eq!(fixture.engine().describe(&parent).unwrap().status, RunStatus::Running);
    fixture.signal(&Selector::newest("shielded"), "go", "null");
    assert_eq!(fixture.result(&parent).result, Some(json("true")));
}

#[test]
fn workflows_start_and_signal_others_and_learn_what_was_refused() {
    let fixture = fixture();
    let result = fixture.run("starter", Payload::null());
    let expected =
        json(r#"["free","workflow_already_running","workflow_not_found","unknown_workflow_type"]"#);
    assert_eq!(result.result, Some(expected), "{result:?}");
    assert_eq!(fixture.result(&Selector::newest("free")).result, Some(json("7")));
    assert_eq!(fixture.engine().describe(&Selector::newest("free")).unwrap().parent, None);
}

/// Resets to the first event of that name, or to the first event of all.
fn reset(fixture: &Fixture, run: &Selector, name: Option<&str>) -> RunId {
    let names = fixture.event_names(run);
    let place = name.map_or(0, |name| names.iter().position(|known| *known == name).unwrap());
    let request = ResetRequest::new(place as u64 + 1, "a test");
    fixture.wait(fixture.engine().reset(run, request)).unwrap().run_id
}

fn replays(fixture: &Fixture, run: &Selector) {
    let page = fixture.engine().history(run, 1, 10_000).unwrap();
    let history: Vec<_> = page.events.into_iter().map(|event| event.recorded).collect();
    let report = replay_history(&relatives(), &history).unwrap();
    assert_eq!(report.failure, None, "{:?}", fixture.event_names(run));
}

#[test]
fn a_reset_run_waits_for_the_children_of_the_history_that_it_took_over() {
    let mut fixture = fixture();
    let started = fixture.start("parent_of", json("\"terminate\""));
    let parent = Selector::newest(started.workflow_id);
    reset(&fixture, &parent, Some("child_workflow_started"));
    let old = Selector { run_id: Some(started.run_id), ..parent.clone() };
    assert_eq!(fixture.result(&old).status, RunStatus::Terminated);
    fixture.restart_with(relatives());
    fixture.advance(Duration::from_secs(60));
    assert_eq!(fixture.result(&parent).result, Some(json("60000")));
    assert_eq!(fixture.result(&Selector::newest("the-child")).status, RunStatus::Completed);
    replays(&fixture, &parent);
}

#[test]
fn a_reset_run_learns_what_its_children_said_while_nobody_listened() {
    for (policy, status) in [("terminate", RunStatus::Failed), ("abandon", RunStatus::Completed)] {
        for event in ["child_workflow_started", "child_workflow_start_initiated"] {
            let mut fixture = fixture();
            let started = fixture.start("parent_of", json(&format!("\"{policy}\"")));
            let parent = Selector::newest(started.workflow_id);
            fixture.wait(fixture.engine().terminate(&parent, "too early".into())).unwrap();
            fixture.advance(Duration::from_secs(60));
            assert!(fixture.result(&Selector::newest("the-child")).status.is_closed());
            reset(&fixture, &parent, Some(event));
            fixture.restart_with(relatives());
            let result = fixture.result(&parent);
            assert_eq!(result.status, status, "{policy} {event}: {result:?}");
            replays(&fixture, &parent);
        }
    }
}

#[test]
fn children_after_the_cut_begin_again() {
    let mut fixture = fixture();
    let sum = Selector::newest(fixture.start("sum_of_echoes", json("5")).workflow_id);
    let named = Selector::newest(fixture.start("parent_of", json("\"terminate\"")).workflow_id);
    fixture.advance(Duration::from_secs(60));
    for event in [None, Some("child_workflow_start_initiated"), Some("child_workflow_completed")] {
        assert_eq!(fixture.result(&sum).result, Some(json("10")));
        reset(&fixture, &sum, event);
        fixture.restart_with(relatives());
        let result = fixture.result(&sum);
        assert_eq!(result.result, Some(json("10")), "{event:?} {result:?}");
        replays(&fixture, &sum);
    }
    // One that names its child takes the id again.
    assert_eq!(fixture.result(&named).result, Some(json("60000")));
    reset(&fixture, &named, None);
    fixture.advance(Duration::from_secs(60));
    assert_eq!(fixture.result(&named).result, Some(json("60000")));
}

#[test]
fn what_a_child_of_the_run_before_says_is_not_taken_for_the_new_one() {
    let mut fixture = fixture();
    let parent = Selector::newest(fixture.start("abandons", Payload::null()).workflow_id);
    fixture.advance(Duration::from_secs(30));
    reset(&fixture, &parent, None);
    fixture.restart_with(relatives());
    // The first child has closed by now, under the same id within the chain.
    fixture.advance(Duration::from_secs(40));
    assert_eq!(fixture.engine().describe(&parent).unwrap().status, RunStatus::Running);
    let events = fixture.event_names(&parent);
    assert!(!events.contains(&"child_workflow_completed"), "{events:?}");
    fixture.advance(Duration::from_secs(20));
    assert_eq!(fixture.result(&parent).result, Some(json("60000")));
}
