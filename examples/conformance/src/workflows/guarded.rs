//! `guarded`: one call through the circuit of a service that does what it is told to do.

use std::num::NonZeroU32;
use std::time::Duration;

use everstep::circuit_breaker::{Circuit, WorkerCircuits};
use everstep::{
    Activity, ActivityContext, ActivityError, Retry, Worker, Workflow, WorkflowContext,
    WorkflowError,
};
use serde::{Deserialize, Serialize};

const GUARDED: Workflow<Guarded, String> = Workflow::new("guarded");
const CALL: Activity<(String, Does), String> = Activity::new("call_service");

const STRIPE: Circuit =
    Circuit::new("stripe-api").failure_threshold(3).reset_timeout(Duration::from_secs(60));
const SENDGRID: Circuit = Circuit::new("sendgrid").failure_threshold(10);
const WEBHOOKS: Circuit =
    Circuit::new("webhook-delivery").reset_timeout(Duration::from_secs(15)).success_threshold(2);

#[derive(Serialize, Deserialize)]
struct Guarded {
    service: String,
    does: Does,
    max_attempts: Option<NonZeroU32>,
}

/// What the service does with a call.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Does {
    /// It answers.
    Work,
    /// It breaks down.
    Fail,
    /// It answers that it will not.
    Refuse,
    /// It says nothing.
    Hang,
}

async fn guarded(ctx: &WorkflowContext, input: Guarded) -> Result<String, WorkflowError> {
    let attempts = input.max_attempts.map_or(1, NonZeroU32::get);
    let retry = Retry::DEFAULT.initial_interval(Duration::from_millis(10)).max_attempts(attempts);
    Ok(ctx.activity(CALL, (input.service, input.does)).retry(retry).await?)
}

async fn service(ctx: &ActivityContext, does: Does) -> Result<String, ActivityError> {
    match does {
        Does::Work => Ok("worked".to_owned()),
        Does::Fail => Err(ActivityError::new("service_down", "the service is down")),
        Does::Refuse => Err(ActivityError::new("declined", "the service will not").non_retryable()),
        Does::Hang => {
            ctx.cancelled().await;
            Err(ActivityError::cancelled())
        }
    }
}

async fn call(ctx: ActivityContext, asked: (String, Does)) -> Result<String, ActivityError> {
    let (name, does) = asked;
    let circuit = [STRIPE, SENDGRID, WEBHOOKS].into_iter().find(|one| one.name() == name);
    let unknown = || ActivityError::new("unknown_service", &name).non_retryable();
    circuit.ok_or_else(unknown)?.call(&ctx, service(&ctx, does)).await
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker
        .circuit(STRIPE)
        .circuit(SENDGRID)
        .circuit(WEBHOOKS)
        .workflow(GUARDED, guarded)
        .activity(CALL, call)
}
