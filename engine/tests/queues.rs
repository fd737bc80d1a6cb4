//! Task queues: limits, order, what is told about them, and what a restart keeps.

#![expect(dead_code, reason = "each test crate uses its part of the support")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstep_engine::{
    Activity, ActivityContext, DEFAULT_NAMESPACE, Payload, Priority, QueueDescription, QueueLimits,
    Retry, Rule, RunStatus, Selector, StartRequest, Worker, Workflow, WorkflowContext,
};
use support::{Fixture, json};
use tokio::sync::Semaphore;

/// What a workflow asks for: a name to be noted, and its place in the queue.
#[derive(serde::Serialize, serde::Deserialize, Clone)]
struct Job {
    name: String,
    priority: u8,
    fair: Option<String>,
    exclusive: Option<String>,
}

const JOB: Workflow<Job, ()> = Workflow::new("job");
const WORK: Activity<String, ()> =
    Activity::new("work").queue("mail").retry(Retry::DEFAULT.jitter_percent(0));
const QUICK: Workflow<String, ()> = Workflow::new("quick");
const NOTE: Activity<String, ()> = Activity::new("note").queue("notes");

/// Attempts note their names and wait to be let go.
#[derive(Clone)]
struct Gate {
    begun: Arc<Mutex<Vec<String>>>,
    open: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        Self { begun: Arc::default(), open: Arc::new(Semaphore::new(0)) }
    }

    fn begun(&self) -> Vec<String> {
        self.begun.lock().unwrap().clone()
    }

    fn worker(&self, limits: QueueLimits) -> Worker {
        let (gate, noted) = (self.clone(), self.clone());
        Worker::new()
            .workflow(JOB, async |ctx: &WorkflowContext, job: Job| {
                let mut call = ctx.activity(WORK, job.name).priority(Priority::new(job.priority));
                if let Some(key) = job.fair {
                    call = call.fairness_key(key);
                }
                if let Some(key) = job.exclusive {
                    call = call.concurrency_key(key);
                }
                Ok(call.await?)
            })
            .workflow(QUICK, async |ctx: &WorkflowContext, name: String| {
                Ok(ctx.activity(NOTE, name).await?)
            })
            .activity(WORK, move |_: ActivityContext, name: String| {
                let gate = gate.clone();
                async move {
                    gate.begun.lock().unwrap().push(name);
                    gate.open.acquire().await.unwrap().forget();
                    Ok(())
                }
            })
            .activity(NOTE, move |_: ActivityContext, name: String| {
                noted.begun.lock().unwrap().push(name);
                async { Ok(()) }
            })
            .queue("mail", limits)
            .queue("notes", QueueLimits::new().rate_per_s(2.0).burst(1))
    }
}

fn job(fixture: &Fixture, id: &str, job: &Job) -> Selector {
    let input = Payload::from_value(job).unwrap();
    let request = StartRequest { workflow_id: Some(id.into()), ..StartRequest::new("job", input) };
    fixture.wait(fixture.engine().start(request)).unwrap();
    Selector::newest(id)
}

fn plain(name: &str) -> Job {
    Job { name: name.into(), priority: 3, fair: None, exclusive: None }
}

fn queue(fixture: &Fixture, name: &str) -> QueueDescription {
    let queues = fixture.engine().queues(DEFAULT_NAMESPACE);
    queues.into_iter().find(|queue| queue.name == name).unwrap()
}

fn started(fixture: &Fixture, selector: &Selector) {
    fixture.until(selector, |run| {
        run.pending_activities.first().is_some_and(|activity| activity.state == "started")
    });
}

#[test]
fn a_full_queue_says_why_and_goes_on_in_order() {
    let (mut fixture, gate) = (Fixture::new(), Gate::new());
    fixture.restart_with(gate.worker(QueueLimits::new().concurrency(1)));
    let first = job(&fixture, "first", &plain("first"));
    started(&fixture, &first);
    let late = job(&fixture, "late", &Job { priority: 5, ..plain("late") });
    let next = job(&fixture, "next", &plain("next"));
    let urgent = job(&fixture, "urgent", &Job { priority: 1, ..plain("urgent") });

    let told = fixture.engine().describe(&next).unwrap();
    let activity = &told.pending_activities[0];
    assert_eq!((&*activity.state, activity.queue.as_deref()), ("scheduled", Some("mail")));
    let held = activity.held_by.as_ref().unwrap();
    assert_eq!(held.rule, Rule::Concurrency);
    assert_eq!(held.reason, "1 of 1 run; 1 wait before it");
    assert!(told.waiting_for.contains("task queue `mail` holds back"), "{}", told.waiting_for);
    let mail = queue(&fixture, "mail");
    assert_eq!((mail.running, mail.waiting), (1, 3));
    assert_eq!(mail.waiting_by_priority, [(1, 1), (3, 1), (5, 1)].into());

    gate.open.add_permits(4);
    for selector in [&first, &urgent, &next, &late] {
        assert_eq!(fixture.result(selector).status, RunStatus::Completed);
    }
    assert_eq!(gate.begun(), ["first", "urgent", "next", "late"]);
    assert_eq!((queue(&fixture, "mail").running, queue(&fixture, "mail").waiting), (0, 0));
}

#[test]
fn what_is_withdrawn_leaves_the_queue() {
    let (mut fixture, gate) = (Fixture::new(), Gate::new());
    fixture.restart_with(gate.worker(QueueLimits::new().concurrency(1)));
    let first = job(&fixture, "first", &plain("first"));
    started(&fixture, &first);
    let cancelled = job(&fixture, "cancelled", &plain("cancelled"));
    let terminated = job(&fixture, "terminated", &plain("terminated"));
    assert_eq!(queue(&fixture, "mail").waiting, 2);
    fixture.wait(fixture.engine().cancel(&cancelled)).unwrap();
    fixture.wait(fixture.engine().terminate(&terminated, "enough".into())).unwrap();
    assert_eq!(fixture.result(&cancelled).status, RunStatus::Cancelled);
    assert_eq!(queue(&fixture, "mail").waiting, 0);
    gate.open.add_permits(1);
    assert_eq!(fixture.result(&first).status, RunStatus::Completed);
    assert_eq!(gate.begun(), ["first"]);
}

#[test]
fn a_restart_keeps_who_waits_and_how_many_run() {
    let (mut fixture, gate) = (Fixture::new(), Gate::new());
    fixture.restart_with(gate.worker(QueueLimits::new().concurrency(2)));
    let jobs: Vec<Selector> = (0..5)
        .map(|n| {
            let selector = job(&fixture, &format!("job-{n}"), &plain(&n.to_string()));
            if n < 2 {
                started(&fixture, &selector);
            }
            selector
        })
        .collect();
    let again = Gate::new();
    fixture.restart_with(again.worker(QueueLimits::new().concurrency(2)));
    // The two that ran were lost with their process and are tried again before the others.
    fixture.advance(Duration::ZERO);
    assert_eq!((queue(&fixture, "mail").running, queue(&fixture, "mail").waiting), (2, 3));
    again.open.add_permits(5);
    for selector in &jobs {
        assert_eq!(fixture.result(selector).status, RunStatus::Completed);
    }
    assert_eq!(again.begun().len(), 5, "each ran once in the second process");
}

#[test]
fn limits_are_set_at_run_time_and_stay_set() {
    let (mut fixture, gate) = (Fixture::new(), Gate::new());
    fixture.restart_with(gate.worker(QueueLimits::new()));
    let set = |fixture: &Fixture, limits| {
        fixture.wait(fixture.engine().set_queue(DEFAULT_NAMESPACE, "mail", limits))
    };
    set(&fixture, Some(QueueLimits { paused: true, ..QueueLimits::new() })).unwrap();
    let refused = set(&fixture, Some(QueueLimits::new().rate_per_s(0.0))).unwrap_err();
    assert!(refused.to_string().contains("rate_per_s"), "{refused}");
    let selector = job(&fixture, "held", &plain("held"));
    fixture.restart_with(gate.worker(QueueLimits::new()));
    assert!(queue(&fixture, "mail").overridden);
    // The clock moves once everything is back.
    fixture.advance(Duration::ZERO);
    let told = fixture.engine().describe(&selector).unwrap();
    assert_eq!(told.pending_activities[0].held_by.as_ref().unwrap().rule, Rule::Paused);
    set(&fixture, None).unwrap();
    gate.open.add_permits(1);
    assert_eq!(fixture.result(&selector).status, RunStatus::Completed);
    assert!(!queue(&fixture, "mail").overridden);
}

#[test]
fn a_rate_is_kept_by_the_clock() {
    let (mut fixture, gate) = (Fixture::new(), Gate::new());
    fixture.restart_with(gate.worker(QueueLimits::new()));
    for n in 0..4 {
        fixture.start("quick", json(&format!("\"{n}\"")));
    }
    fixture.advance(Duration::ZERO);
    assert_eq!(gate.begun().len(), 1);
    fixture.advance(Duration::from_millis(499));
    assert_eq!(gate.begun().len(), 1);
    fixture.advance(Duration::from_millis(1));
    assert_eq!(gate.begun().len(), 2);
    fixture.advance(Duration::from_secs(10));
    assert_eq!(gate.begun(), ["0", "1", "2", "3"]);
}

#[test]
fn keys_share_turns_and_an_exclusive_key_runs_alone() {
    let (mut fixture, gate) = (Fixture::new(), Gate::new());
    fixture.restart_with(gate.worker(QueueLimits::new().concurrency(2).concurrency_per_key(1)));
    let place = |name: &str, fair: &str, exclusive: Option<&str>| Job {
        fair: Some(fair.into()),
        exclusive: exclusive.map(Into::into),
        ..plain(name)
    };
    let a = job(&fixture, "a1", &place("a1", "a", Some("account")));
    started(&fixture, &a);
    let held = job(&fixture, "a2", &place("a2", "a", Some("account")));
    let told = fixture.engine().describe(&held).unwrap();
    assert_eq!(told.pending_activities[0].held_by.as_ref().unwrap().rule, Rule::ConcurrencyKey);
    let b = job(&fixture, "b1", &place("b1", "b", None));
    started(&fixture, &b);
    gate.open.add_permits(3);
    for selector in [&a, &held, &b] {
        assert_eq!(fixture.result(selector).status, RunStatus::Completed);
    }
    assert_eq!(gate.begun(), ["a1", "b1", "a2"]);
}
