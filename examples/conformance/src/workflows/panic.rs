//! `panic`: workflow code that panics until a file exists.

use everstep::{Worker, Workflow, WorkflowContext, WorkflowError};
use serde::{Deserialize, Serialize};

use crate::witness_dir::{WitnessDir, WitnessName};

const PANIC: Workflow<Panic, Survived> = Workflow::new("panic");

#[derive(Serialize, Deserialize)]
struct Panic {
    file: WitnessName,
}

#[derive(Serialize, Deserialize)]
struct Survived {
    ok: bool,
}

async fn panic(dir: &WitnessDir, input: Panic) -> Result<Survived, WorkflowError> {
    assert!(dir.has(&input.file), "witness file `{}` does not exist", String::from(input.file));
    Ok(Survived { ok: true })
}

pub(crate) fn register(worker: Worker, dir: &WitnessDir) -> Worker {
    let dir = dir.clone();
    worker.workflow(PANIC, async move |_: &WorkflowContext, input| panic(&dir, input).await)
}
