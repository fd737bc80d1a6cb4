//! `register`: a number that updates set.

use everstep::{Either, Query, Update, Worker, Workflow, WorkflowContext, WorkflowError, race};
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::NoInput;

const REGISTER: Workflow<NoInput, Held> = Workflow::new("register");
const SET: Update<Number, Number> = Update::new("set");
const CLOSE: Update<Option<serde::de::IgnoredAny>, Number> = Update::new("close");
const GET: Query<(), Number> = Query::new("get");

#[derive(Serialize, Deserialize)]
struct Held {
    value: Number,
}

async fn hold(ctx: &WorkflowContext, _input: NoInput) -> Result<Held, WorkflowError> {
    let mut value = Number::from(0);
    loop {
        ctx.publish(GET, value.clone());
        match race(ctx.update(SET).validate(not_negative), ctx.update(CLOSE)).await {
            Either::First((new, reply)) => reply.answer(std::mem::replace(&mut value, new)),
            Either::Second((_, reply)) => {
                reply.answer(value.clone());
                return Ok(Held { value });
            }
        }
    }
}

fn not_negative(number: &Number) -> Result<(), String> {
    match number.as_f64() {
        Some(value) if value < 0.0 => Err(format!("{number} is negative")),
        _ => Ok(()),
    }
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(REGISTER, hold).update(REGISTER, SET).update(REGISTER, CLOSE)
}
