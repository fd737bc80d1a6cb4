//! `saga`: steps that are undone in reverse when a later one fails for good.

use std::cell::RefCell;

use everstep::{
    Activity, ActivityError, Payload, Worker, Workflow, WorkflowContext, WorkflowError,
};
use serde::{Deserialize, Serialize};

use crate::witness_dir::{Line, WitnessDir, WitnessName};

const SAGA: Workflow<Steps, Done> = Workflow::new("saga");
const DO_STEP: Activity<Step, ()> = Activity::new("do_step");
const UNDO_STEP: Activity<Step, ()> = Activity::new("undo_step");

#[derive(Serialize, Deserialize)]
struct Steps {
    steps: Vec<Line>,
    fail_at: Option<String>,
    file: WitnessName,
}

#[derive(Serialize, Deserialize)]
struct Step {
    file: WitnessName,
    name: Line,
    fails: bool,
}

#[derive(Serialize, Deserialize)]
struct Done {
    done: Vec<Line>,
}

/// What a failure has beside its type and message.
#[derive(Serialize)]
struct Compensated {
    compensated: Vec<Line>,
}

async fn saga(ctx: &WorkflowContext, input: Steps) -> Result<Done, WorkflowError> {
    let done = RefCell::new(Vec::new());
    let ended = ctx
        .saga(async |saga| {
            for name in input.steps {
                let fails = input.fail_at.as_deref() == Some(name.as_str());
                let step = |fails| Step { file: input.file.clone(), name: name.clone(), fails };
                ctx.activity(DO_STEP, step(fails)).await?;
                // After the step and not before it: a step that fails here has done nothing, and
                // the contract names only what was done.
                saga.compensate(UNDO_STEP, step(false));
                done.borrow_mut().push(name);
            }
            Ok(())
        })
        .await;
    let mut done = done.into_inner();
    match ended {
        Ok(()) => Ok(Done { done }),
        Err(WorkflowError::Failed(failure)) => {
            done.reverse();
            let details = Payload::from_value(&Compensated { compensated: done });
            let details = details.map_err(|error| WorkflowError::new("invalid_result", error))?;
            Err(failure.with_details(details).into())
        }
        Err(other) => Err(other),
    }
}

async fn do_step(dir: WitnessDir, step: Step) -> Result<(), ActivityError> {
    if step.fails {
        let message = format!("step `{}` fails for good", step.name);
        return Err(ActivityError::new("step_failed", message).non_retryable());
    }
    dir.append(&step.file, format!("do {}", step.name)).await
}

async fn undo_step(dir: WitnessDir, step: Step) -> Result<(), ActivityError> {
    dir.append(&step.file, format!("undo {}", step.name)).await
}

pub(crate) fn register(worker: Worker, dir: &WitnessDir) -> Worker {
    let (doing, undoing) = (dir.clone(), dir.clone());
    worker
        .workflow(SAGA, saga)
        .activity(DO_STEP, move |_, step| do_step(doing.clone(), step))
        .activity(UNDO_STEP, move |_, step| undo_step(undoing.clone(), step))
}
