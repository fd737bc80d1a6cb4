//! `witness`: one line of a file after the other, each by an activity that says which attempt it
//! was.

use std::time::Duration;

use everstep::{
    Activity, ActivityContext, ActivityError, Worker, Workflow, WorkflowContext, WorkflowError,
};
use serde::{Deserialize, Serialize};

use crate::witness_dir::{Line, WitnessDir, WitnessName};

const WITNESS: Workflow<Witness, Written> = Workflow::new("witness");
const WRITE_LINE: Activity<WriteLine, ()> = Activity::new("write_line");

#[derive(Serialize, Deserialize)]
struct Witness {
    file: WitnessName,
    lines: Vec<Line>,
    /// How long each activity works before it writes.
    #[serde(default)]
    delay_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct WriteLine {
    file: WitnessName,
    line: Line,
    delay_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Written {
    written: u64,
}

async fn witness(ctx: &WorkflowContext, input: Witness) -> Result<Written, WorkflowError> {
    let Witness { file, lines, delay_ms } = input;
    let mut written = 0;
    for line in lines {
        ctx.activity(WRITE_LINE, WriteLine { file: file.clone(), line, delay_ms }).await?;
        written += 1;
    }
    Ok(Written { written })
}

async fn write_line(
    ctx: ActivityContext,
    dir: WitnessDir,
    input: WriteLine,
) -> Result<(), ActivityError> {
    let WriteLine { file, line, delay_ms } = input;
    if delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    let line = format!("{} {line} attempt={}", ctx.workflow_id(), ctx.attempt());
    dir.append(&file, line).await
}

pub(crate) fn register(worker: Worker, dir: &WitnessDir) -> Worker {
    let dir = dir.clone();
    worker
        .workflow(WITNESS, witness)
        .activity(WRITE_LINE, move |ctx, input| write_line(ctx, dir.clone(), input))
}
