//! The activity that returns what it is given.

use everstep::{Activity, ActivityContext, ActivityError, Payload, Worker};

/// `identity`: for any type, since only its JSON is passed on.
pub(crate) const fn identity<T>() -> Activity<T, T> {
    Activity::new("identity")
}

async fn returns(_ctx: ActivityContext, input: Payload) -> Result<Payload, ActivityError> {
    Ok(input)
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.activity(identity(), returns)
}
