//! Runs and other runs: children, detached starts, signals between workflows.

#![expect(dead_code, reason = "each test crate uses its part of the support")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use everstep_engine::{
    ClosePolicy, ListFilter, Payload, RunStatus, Selector, Signal, Worker, Workflow,
    WorkflowContext, WorkflowError, join_all, race,
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
