//! `patched`: a change that new runs take and old ones do not. A run that began before the patch
//! was there takes `v1`, every other one `v2`.

use everstep::{Activity, Worker, Workflow, WorkflowContext, WorkflowError};
use serde::{Deserialize, Serialize};

use super::NoInput;

const PATCHED: Workflow<NoInput, Took> = Workflow::new("patched");
const V1: Activity<(), String> = Activity::new("v1");
const V2: Activity<(), String> = Activity::new("v2");

#[derive(Serialize, Deserialize)]
struct Took {
    took: String,
}

async fn patched(ctx: &WorkflowContext, _: NoInput) -> Result<Took, WorkflowError> {
    let way = if ctx.patched("v2") { V2 } else { V1 };
    Ok(Took { took: ctx.activity(way, ()).await? })
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker
        .workflow(PATCHED, patched)
        .activity(V1, async |_, ()| Ok("v1".to_owned()))
        .activity(V2, async |_, ()| Ok("v2".to_owned()))
}
