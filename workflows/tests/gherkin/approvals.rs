//! Steps about decisions that are waited for.

use std::time::Duration;

use cucumber::{given, then, when};
use everstep_engine::{
    Payload, Selector, Signal, SignalInput, StartRequest, Worker, Workflow, WorkflowContext,
};
use everstep_workflows::{Approval, approval};

use crate::world::{PATIENCE, World};

const EXPENSE: Workflow<u64, String> = Workflow::new("expense");
const APPROVED: Signal<String> = Signal::new("approved");
const RUN: &str = "expense-1";

pub(crate) fn register(worker: Worker) -> Worker {
    let expense = async |ctx: &WorkflowContext, hours| {
        let deadline = ctx.now() + Duration::from_secs(hours * 3600);
        Ok(match approval(ctx, APPROVED, deadline).await {
            Approval::Approved(by) => format!("approved by {by}"),
            Approval::Expired => "expired".to_owned(),
        })
    };
    worker.workflow(EXPENSE, expense).signal(EXPENSE, APPROVED)
}

#[given(expr = "an expense that waits for its approval until {int} hours have passed")]
async fn waits(world: &mut World, hours: u64) {
    let request = StartRequest::new(EXPENSE.name(), Payload::from_value(&hours).unwrap());
    let request = StartRequest { workflow_id: Some(RUN.to_owned()), ..request };
    world.engine().start(request).await.unwrap();
    let waiting = world.until(|engine| {
        let described = engine.describe(&Selector::newest(RUN)).unwrap();
        (!described.pending_timers.is_empty()).then_some(())
    });
    waiting.await;
}

#[when(expr = "{string} approves it")]
async fn approves(world: &mut World, who: String) {
    let payload = Payload::from_value(&who).unwrap();
    let signal = SignalInput { name: APPROVED.name().to_owned(), payload };
    world.engine().signal(&Selector::newest(RUN), signal, None).await.unwrap();
}

#[then(expr = "the expense is {string}")]
async fn is(world: &mut World, expected: String) {
    let ended = world.engine().result(&Selector::newest(RUN), PATIENCE).await.unwrap();
    assert_eq!(ended.result.unwrap().to::<String>().unwrap(), expected);
}
