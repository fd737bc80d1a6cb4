//! `random`: numbers, ids and times that are the same in every replay.

use std::time::Duration;

use everstep::{Timestamp, Worker, Workflow, WorkflowContext, WorkflowError};
use serde::{Deserialize, Serialize};

use super::NoInput;

const RANDOM: Workflow<NoInput, BeforeAndAfter> = Workflow::new("random");

#[derive(Serialize, Deserialize)]
struct BeforeAndAfter {
    before: Drawn,
    after: Drawn,
}

#[derive(Serialize, Deserialize)]
struct Drawn {
    random: f64,
    uuid: String,
    now: Timestamp,
}

async fn random(ctx: &WorkflowContext, _input: NoInput) -> Result<BeforeAndAfter, WorkflowError> {
    let before = draw(ctx);
    ctx.sleep(Duration::from_millis(1)).await;
    let after = draw(ctx);
    Ok(BeforeAndAfter { before, after })
}

fn draw(ctx: &WorkflowContext) -> Drawn {
    Drawn { random: ctx.random(), uuid: ctx.uuid().to_string(), now: ctx.now() }
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(RANDOM, random)
}
