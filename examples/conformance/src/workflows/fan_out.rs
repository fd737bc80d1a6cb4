//! `fan_out`: n activities at once, joined.

use everstep::{Worker, Workflow, WorkflowContext, WorkflowError, join_all};
use serde::{Deserialize, Serialize};

use super::identity::identity;

const FAN_OUT: Workflow<FanOut, Sum> = Workflow::new("fan_out");

#[derive(Deserialize)]
struct FanOut {
    width: Width,
}

/// How many at once: bounded, since all of them are in flight together.
#[derive(Deserialize)]
#[serde(try_from = "u64")]
struct Width(u64);

const MAX_WIDTH: u64 = 100_000;

#[derive(Serialize, Deserialize)]
struct Sum {
    sum: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("a width of {0} is more than {MAX_WIDTH}")]
struct TooWide(u64);

impl TryFrom<u64> for Width {
    type Error = TooWide;

    fn try_from(width: u64) -> Result<Self, TooWide> {
        if width > MAX_WIDTH { Err(TooWide(width)) } else { Ok(Self(width)) }
    }
}

async fn fan_out(ctx: &WorkflowContext, input: FanOut) -> Result<Sum, WorkflowError> {
    let activities = (0..input.width.0).map(|i| ctx.activity(identity(), i));
    let numbers = join_all(activities).await;
    let sum = numbers.into_iter().sum::<Result<u64, _>>()?;
    Ok(Sum { sum })
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(FAN_OUT, fan_out)
}
