//! Commands as steps of workflows: one that nobody handles, and names that are taken.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::time::Duration;

use everstep_activities::commands::{
    Changed, Command, CommandRequest, Entry, Handled, SEND_COMMAND, SendCommands, WorkerCommands,
};
use everstep_activities::decider::Rejection;
use everstep_engine::{
    Activity, ActivityContext, Clock, Engine, EngineConfig, OpenError, Payload, Selector,
    StartRequest, Transaction, Worker, Workflow, WorkflowContext,
};
use everstep_storage::MemoryStore;
use tokio::runtime::Handle;

const KNOWN: Command<u64, Changed> = Command::new("Known");
const NOBODYS: Command<u64, Changed> = Command::new("Nobodys");
const ASK: Workflow<(), String> = Workflow::new("ask");
const ASK_BY_NAME: Workflow<(), String> = Workflow::new("ask_by_name");

fn never() -> Handled {
    Handled::Rejected(Rejection::new("NEVER", "never"))
}

fn open(worker: Worker) -> Result<Engine, OpenError> {
    // The clock stands still: a step that is tried again later never ends.
    let config = EngineConfig { clock: Clock::manual(), ..EngineConfig::default() };
    Engine::open(Arc::new(MemoryStore::new()), worker, config, Handle::current())
}

fn with_known(worker: Worker) -> Worker {
    worker.commands(|commands| {
        commands.handle(KNOWN, |_, _: u64, _| Ok(never()));
    })
}

/// What the failure of a workflow's step is called.
async fn failure_of(worker: Worker, workflow: &str) -> String {
    let engine = open(worker).unwrap();
    let request = StartRequest::new(workflow, Payload::null());
    let request = StartRequest { workflow_id: Some("w".into()), ..request };
    engine.start(request).await.unwrap();
    let result = engine.result(&Selector::newest("w"), Duration::from_secs(30)).await.unwrap();
    let answered = result.result.expect("the step ends at once");
    answered.to::<String>().unwrap()
}

fn asking() -> Worker {
    Worker::new()
        .workflow(ASK, async |ctx: &WorkflowContext, ()| {
            let error = ctx.command(NOBODYS, &1).await.unwrap_err();
            Ok(format!("{}: {}", error.kind(), error.failure().message))
        })
        .workflow(ASK_BY_NAME, async |ctx: &WorkflowContext, ()| {
            let request = CommandRequest::new("Nobodys", "id", Payload::null(), Entry::Workflow);
            let error = ctx.transaction(SEND_COMMAND, request).await.unwrap_err();
            Ok(format!("{}: {}", error.kind(), error.failure().message))
        })
}

#[tokio::test]
async fn a_command_that_nobody_handles_fails_its_step_at_once() {
    for worker in [asking(), with_known(asking())] {
        let told = failure_of(worker, ASK.name()).await;
        assert_eq!(told, "UNKNOWN_COMMAND_TYPE: no handler for command `Nobodys` is registered");
    }
    let told = failure_of(with_known(asking()), ASK_BY_NAME.name()).await;
    assert_eq!(told, "UNKNOWN_COMMAND_TYPE: no handler for command `Nobodys`; known: Known");
}

#[tokio::test]
async fn a_step_is_known_by_its_name_so_no_two_share_one() {
    let activity = |worker: Worker| {
        let activity = Activity::<(), ()>::new(KNOWN.name());
        worker.activity(activity, async |_: ActivityContext, ()| Ok(()))
    };
    let transaction = |worker: Worker| {
        worker.transaction(Transaction::<(), ()>::new(KNOWN.name()), |_, ()| Ok(()))
    };
    for (worker, expected) in [
        (with_known(activity(Worker::new())), "is an activity and a transaction or command"),
        (activity(with_known(Worker::new())), "is an activity and a transaction or command"),
        (with_known(transaction(Worker::new())), "registered twice as a transaction or command"),
        (transaction(with_known(Worker::new())), "registered twice as a transaction or command"),
    ] {
        let Err(refused) = open(worker) else { panic!("the names are the same") };
        let refused = refused.to_string();
        assert!(refused.contains("`Known`") && refused.contains(expected), "{refused}");
    }
    // Declaring commands in several places registers none of them again.
    let worker = with_known(Worker::new()).commands(|commands| {
        commands.handle(NOBODYS, |_, _: u64, _| Ok(never()));
    });
    open(worker).unwrap();
}
