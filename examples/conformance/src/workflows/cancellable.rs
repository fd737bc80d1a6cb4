//! `cancellable`: cancellation that reaches the activity, and a clean-up that it does not stop.

use std::time::Duration;

use everstep::{
    Activity, ActivityContext, ActivityError, Worker, Workflow, WorkflowContext, WorkflowError,
};
use serde::{Deserialize, Serialize};

use crate::witness_dir::{WitnessDir, WitnessName};

const CANCELLABLE: Workflow<Cancellable, ()> = Workflow::new("cancellable");
const LONG: Activity<WitnessName, ()> =
    Activity::new("work_until_cancelled").timeout(Duration::from_secs(30 * 24 * 3600));
const COMPENSATE: Activity<WitnessName, ()> = Activity::new("compensate");

#[derive(Serialize, Deserialize)]
struct Cancellable {
    file: WitnessName,
}

async fn cancellable(ctx: &WorkflowContext, input: Cancellable) -> Result<(), WorkflowError> {
    match ctx.cancellable(ctx.activity(LONG, input.file.clone())).await {
        Ok(ended) => Ok(ended?),
        Err(cancelled) => {
            ctx.activity(COMPENSATE, input.file).await?;
            Err(cancelled.into())
        }
    }
}

async fn work_until_cancelled(
    ctx: ActivityContext,
    dir: WitnessDir,
    file: WitnessName,
) -> Result<(), ActivityError> {
    ctx.cancelled().await;
    dir.append(&file, "cleanup".to_owned()).await?;
    Err(ActivityError::cancelled())
}

pub(crate) fn register(worker: Worker, dir: &WitnessDir) -> Worker {
    let (working, compensating) = (dir.clone(), dir.clone());
    worker
        .workflow(CANCELLABLE, cancellable)
        .activity(LONG, move |ctx, file| work_until_cancelled(ctx, working.clone(), file))
        .activity(COMPENSATE, move |_, file: WitnessName| {
            let dir = compensating.clone();
            async move { dir.append(&file, "compensated".to_owned()).await }
        })
}
