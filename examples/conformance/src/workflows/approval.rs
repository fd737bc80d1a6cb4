//! `approval`: a signal raced against a deadline.

use std::time::Duration;

use everstep::{Either, Query, Signal, Worker, Workflow, WorkflowContext, WorkflowError, race};
use serde::{Deserialize, Serialize};

const APPROVAL: Workflow<Approval, Outcome> = Workflow::new("approval");
const APPROVE: Signal<Approve> = Signal::new("approve");
const STATUS: Query<(), Status> = Query::new("status");

#[derive(Serialize, Deserialize)]
struct Approval {
    /// From the first line of the code on.
    timeout_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Approve {
    by: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Waiting,
    Approved,
    Expired,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Outcome {
    Approved { by: String },
    Expired,
}

async fn approval(ctx: &WorkflowContext, input: Approval) -> Result<Outcome, WorkflowError> {
    let deadline = ctx.now() + Duration::from_millis(input.timeout_ms);
    ctx.publish(STATUS, Status::Waiting);
    match race(ctx.signal(APPROVE), ctx.sleep_until(deadline)).await {
        Either::First(Approve { by }) => {
            ctx.publish(STATUS, Status::Approved);
            Ok(Outcome::Approved { by })
        }
        Either::Second(()) => {
            ctx.publish(STATUS, Status::Expired);
            Ok(Outcome::Expired)
        }
    }
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(APPROVAL, approval).signal(APPROVAL, APPROVE)
}
