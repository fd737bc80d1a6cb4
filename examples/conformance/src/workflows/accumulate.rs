//! `accumulate`: adds up signals in the order in which they came.

use everstep::{
    Either, Payload, Query, Signal, Worker, Workflow, WorkflowContext, WorkflowError, race,
};
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::NoInput;

const ACCUMULATE: Workflow<NoInput, Total> = Workflow::new("accumulate");
const ADD: Signal<Number> = Signal::new("add");
const FINISH: Signal<Payload> = Signal::new("finish");
const SUM: Query<(), Number> = Query::new("sum");

#[derive(Serialize, Deserialize)]
struct Total {
    sum: Number,
    /// Every number, oldest first.
    order: Vec<Number>,
}

async fn accumulate(ctx: &WorkflowContext, _input: NoInput) -> Result<Total, WorkflowError> {
    let mut total = Total { sum: Number::from(0), order: Vec::new() };
    loop {
        ctx.publish(SUM, total.sum.clone());
        match race(ctx.signal(ADD), ctx.signal(FINISH)).await {
            Either::First(number) => {
                total.sum = add(&total.sum, &number);
                total.order.push(number);
            }
            Either::Second(_) => return Ok(total),
        }
    }
}

/// Whole numbers stay whole while they fit.
fn add(sum: &Number, number: &Number) -> Number {
    let whole = sum.as_i64().zip(number.as_i64()).and_then(|(a, b)| a.checked_add(b));
    let float = || sum.as_f64().zip(number.as_f64()).map(|(a, b)| a + b);
    whole
        .map(Number::from)
        .or_else(|| float().and_then(Number::from_f64))
        .unwrap_or_else(|| sum.clone())
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(ACCUMULATE, accumulate).signal(ACCUMULATE, ADD).signal(ACCUMULATE, FINISH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_stay_whole() {
        let number = |text: &str| text.parse::<Number>().unwrap();
        assert_eq!(add(&number("40"), &number("2")).to_string(), "42");
        assert_eq!(add(&number("1"), &number("0.5")).to_string(), "1.5");
        assert_eq!(add(&number("9223372036854775807"), &number("1")).as_i64(), None);
    }
}
