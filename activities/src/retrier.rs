//! An external call that is told to the domain: tried with pauses, and whatever it comes to, handed to a
//! function in the commit that ends it.
//!
//! ```
//! use everstep_activities::retrier::{self, Completed, Retrier, WorkerRetriers};
//! use everstep_engine::log::{Append, Expected, NewEvent, StreamId};
//! use everstep_engine::{Activity, ActivityError, TransactionContext, Worker};
//! use serde_json::json;
//!
//! const CHARGE: Activity<u64, String> = Activity::new("charge").retry(retrier::PATIENT);
//! const PAY: Retrier<u64, String> = Retrier::new("pay", CHARGE);
//!
//! /// Success and failure become events, each exactly once.
//! fn paid(tx: &mut TransactionContext<'_>, done: Completed<'_, String>) -> Result<(), ActivityError> {
//!     let order = done.context["order"].as_str().unwrap_or_default();
//!     let event = match done.outcome {
//!         Ok(charge_id) => {
//!             let data = json!({ "orderId": order, "chargeId": charge_id });
//!             NewEvent::new("PaymentCompleted", data.to_string())
//!         }
//!         Err(failure) => {
//!             let data = json!({ "orderId": order, "error": failure.message });
//!             NewEvent::new("PaymentFailed", data.to_string())
//!         }
//!     };
//!     tx.append(Append::to(StreamId::new("Payment", order), Expected::Any, vec![event])).map(drop)
//! }
//!
//! let worker = Worker::new()
//!     .activity(CHARGE, async |_, cents| Ok(format!("charged {cents}")))
//!     .retrier(PAY, paid);
//! # drop(worker);
//! ```
//!
//! Invariants: the completion runs once, in the commit that ends the run, whichever way it ends, a
//! termination included; every attempt of one call carries the same idempotency key; a completion that
//! fails is a dead letter of kind `completion`, and a retry of that runs it again.

use std::sync::Arc;
use std::time::Duration;

use everstep_engine::{
    Activity, ActivityError, Failure, Payload, Retry, RunEnd, StartRequest, TransactionContext,
    Worker, Workflow, WorkflowContext, WorkflowError,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dead_letters::{self, DeadLetterKind, NewDeadLetter, Retried, WorkerDeadLetters};

/// Three attempts, first after 250 ms, twice as long each time.
pub const PATIENT: Retry =
    Retry::DEFAULT.initial_interval(Duration::from_millis(250)).max_attempts(3);

/// An external call under the durable name of its runs. Make it a constant.
pub struct Retrier<I, O> {
    workflow: Workflow<Call<I>, O>,
    activity: Activity<I, O>,
}

impl<I, O> Clone for Retrier<I, O> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<I, O> Copy for Retrier<I, O> {}

/// A call: what is sent, and what the completion is told beside the outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call<I> {
    /// What is sent.
    pub input: I,
    /// For the completion: whom it was for.
    #[serde(default)]
    pub context: Value,
}

/// What a call came to.
#[derive(Debug)]
pub struct Completed<'a, O> {
    /// The call's id.
    pub id: &'a str,
    /// What the caller gave along.
    pub context: &'a Value,
    /// What it came to.
    pub outcome: Result<O, Failure>,
}

impl<I, O> Retrier<I, O> {
    /// Calls of this activity, whose retry policy is theirs.
    pub const fn new(name: &'static str, activity: Activity<I, O>) -> Self {
        Self { workflow: Workflow::new(name), activity }
    }

    /// The workflow that makes the call: a child of another one, say.
    pub const fn workflow(&self) -> Workflow<Call<I>, O> {
        self.workflow
    }
}

impl<I: Serialize, O> Retrier<I, O> {
    /// Makes a call from the commit of this transaction on, under an id; `trace` is the trace that it
    /// belongs to.
    ///
    /// # Errors
    /// When the input has no JSON form.
    pub fn start(
        &self,
        tx: &mut TransactionContext<'_>,
        id: impl Into<String>,
        call: &Call<I>,
    ) -> Result<(), ActivityError> {
        let mut request = StartRequest::new(self.workflow.name(), Payload::from_value(call)?);
        request.workflow_id = Some(id.into());
        tx.start_with(request)
    }
}

/// External calls on a worker.
pub trait WorkerRetriers {
    /// Calls of this retrier; `completed` is called in the commit that ends each.
    #[must_use]
    fn retrier<I, O>(
        self,
        retrier: Retrier<I, O>,
        completed: impl Fn(&mut TransactionContext<'_>, Completed<'_, O>) -> Result<(), ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self
    where
        I: Serialize + DeserializeOwned + 'static,
        O: Serialize + DeserializeOwned + 'static;
}

/// Completions that failed.
const COMPLETION: DeadLetterKind = DeadLetterKind::new("completion");

/// What a completion is told, as a dead letter keeps it.
#[derive(Serialize, Deserialize)]
struct Told {
    retrier: String,
    id: String,
    context: Value,
    outcome: Result<Payload, Failure>,
}

type Complete =
    dyn Fn(&mut TransactionContext<'_>, &Told) -> Result<(), ActivityError> + Send + Sync;

/// The completions of a worker, by retrier.
#[derive(Default)]
struct Completions(std::collections::BTreeMap<&'static str, Arc<Complete>>);

impl everstep_engine::Extension for Completions {}

fn complete(tx: &mut TransactionContext<'_>, told: &Told) -> Result<(), ActivityError> {
    let known = tx.extension::<Completions>().and_then(|all| all.0.get(told.retrier.as_str()));
    let Some(completed) = known.map(Arc::clone) else {
        return Err(ActivityError::new("unknown_retrier", &told.retrier));
    };
    tx.nested(|tx| completed(tx, told))
}

fn ended(
    tx: &mut TransactionContext<'_>,
    name: &'static str,
    end: &RunEnd<'_>,
) -> Result<(), ActivityError> {
    #[derive(Deserialize)]
    struct Given {
        #[serde(default)]
        context: Value,
    }
    let context = end.input.to::<Given>().map(|given| given.context).unwrap_or_default();
    let outcome = match (end.result, end.failure) {
        (Some(result), None) => Ok(result.clone()),
        (_, Some(failure)) => Err(failure.clone()),
        (None, None) => {
            Err(Failure::new(end.status.name(), format!("the call was {}", end.status)))
        }
    };
    let id = end.workflow_id.to_owned();
    let told = Told { retrier: name.to_owned(), id, context, outcome };
    let Err(error) = complete(tx, &told) else { return Ok(()) };
    let letter = NewDeadLetter::new(COMPLETION, &told.id, name).failure(&error);
    dead_letters::record(tx, letter.payload(serde_json::to_value(&told)?)).map(drop)
}

impl WorkerRetriers for Worker {
    fn retrier<I, O>(
        self,
        retrier: Retrier<I, O>,
        completed: impl Fn(&mut TransactionContext<'_>, Completed<'_, O>) -> Result<(), ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self
    where
        I: Serialize + DeserializeOwned + 'static,
        O: Serialize + DeserializeOwned + 'static,
    {
        let name = retrier.workflow.name();
        let completed = move |tx: &mut TransactionContext<'_>, told: &Told| {
            let outcome = match &told.outcome {
                Ok(result) => Ok(result.to::<O>()?),
                Err(failure) => Err(failure.clone()),
            };
            completed(tx, Completed { id: &told.id, context: &told.context, outcome })
        };
        self.workflow(retrier.workflow, async move |ctx: &WorkflowContext, call: Call<I>| {
            ctx.activity(retrier.activity, call.input).await.map_err(WorkflowError::from)
        })
        .on_end(retrier.workflow, "everstep.retrier", move |tx, end| ended(tx, name, end))
        .extend(|all: &mut Completions| {
            all.0.insert(name, Arc::new(completed));
        })
        .dead_letters(COMPLETION, |tx, letter| {
            let told: Told = serde_json::from_value(letter.payload.clone())?;
            complete(tx, &told)?;
            Ok(Retried::Resolved)
        })
    }
}
