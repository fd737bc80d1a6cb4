//! A call through a circuit.
//!
//! Invariant: whatever was let through says how it ended, also when its future is dropped; only a
//! process that ends says nothing, and then its probe is lost with it.

use std::future::Future;
use std::pin::Pin;

use everstep_engine::{ActivityContext, ActivityError, Engine, Payload};

use super::{Admission, Circuit, Circuits, OPEN, Outcome, Probe, rows};
use crate::http_call::Attempt;

/// How much longer than its longest call a probe holds its place.
const MARGIN_MS: u64 = 5_000;

impl Circuit {
    /// Makes a call through the circuit, within an activity. What the work fails with counts as a
    /// failure of the service unless it is non-retryable: a service that says no is well.
    ///
    /// # Errors
    /// `CIRCUIT_OPEN:<name>` with `retry_after_ms` when it is not made; `call_timeout` when it took
    /// too long; what the work failed with.
    pub async fn call<T>(
        self,
        ctx: &ActivityContext,
        work: impl Future<Output = Result<T, ActivityError>>,
    ) -> Result<T, ActivityError> {
        let mut passage = Passage::enter(self, ctx).await?;
        let ended = tokio::time::timeout(self.longest_call(), work).await;
        let ended = ended.unwrap_or_else(|_| {
            let ms = self.longest_call().as_millis();
            let what = format!("no answer through circuit `{}` in {ms} ms", self.name());
            Err(ActivityError::new("call_timeout", what))
        });
        let outcome = match &ended {
            Ok(_) => Outcome::Worked,
            Err(error) if error.is_cancelled() => Outcome::Abandoned,
            Err(error) if error.failure().non_retryable => Outcome::Worked,
            Err(_) => Outcome::Failed,
        };
        if let Some(told) = passage.leave(outcome) {
            // A caller that hears of a failure finds it counted.
            let _ = told.await;
        }
        ended
    }

    /// An activity whose every attempt goes through the circuit.
    pub fn around<I, O, F, R>(
        self,
        code: F,
    ) -> impl Fn(ActivityContext, I) -> Attempt<O> + Send + Sync + 'static
    where
        F: Fn(ActivityContext, I) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, ActivityError>> + Send + 'static,
        O: Send + 'static,
        I: Send + 'static,
    {
        let code = std::sync::Arc::new(code);
        move |ctx, input| {
            let (code, own) = (std::sync::Arc::clone(&code), ctx.clone());
            let attempt = async move { self.call(&own, async { code(ctx, input).await }).await };
            Box::pin(attempt) as Pin<Box<_>>
        }
    }

    fn refused(self, retry_after_ms: u64) -> ActivityError {
        let name = self.name();
        let what = format!("circuit `{name}` is open; try again in {retry_after_ms} ms");
        let error = ActivityError::new(format!("{OPEN}{name}"), what);
        let details = serde_json::json!({ "circuit": name, "retry_after_ms": retry_after_ms });
        match Payload::from_value(&details) {
            Ok(details) => error.with_details(details),
            Err(_) => error,
        }
    }
}

/// A call that was let through and has not ended.
struct Passage {
    circuit: Circuit,
    engine: Engine,
    namespace: String,
    /// The probe's name, if it is one.
    probe: Option<String>,
    is_open: bool,
}

impl Passage {
    async fn enter(circuit: Circuit, ctx: &ActivityContext) -> Result<Self, ActivityError> {
        let gone = || ActivityError::new("unavailable", "the engine has ended");
        let engine = ctx.engine().ok_or_else(gone)?;
        let circuits = engine.extension::<Circuits>().filter(|all| {
            // Its timer would have no code.
            all.declared(circuit.name()).is_some()
        });
        let Some(circuits) = circuits else {
            let what = format!("circuit `{}` is not declared by the worker", circuit.name());
            return Err(ActivityError::new("undeclared_circuit", what).non_retryable());
        };
        let (config, process) = (circuit.config(), circuits.process());
        let (namespace, run_id) = (ctx.namespace().to_owned(), ctx.idempotency_key());
        let now_ms = engine.now().as_millis();
        let seen = circuits.look(&engine, &namespace, circuit.name(), |breaker| {
            breaker.look(&config, process, &run_id, now_ms)
        })?;
        let admission = match seen {
            Some(admission) => admission,
            // It has to move first: one of those who see this becomes the probe.
            None => {
                let longest_ms = u64::try_from(circuit.longest_call().as_millis()).unwrap_or(0);
                let name = run_id.clone();
                let asked = engine.transact(&namespace, move |tx| {
                    let now = tx.now();
                    let until_ms = now.plus_millis(longest_ms + MARGIN_MS).as_millis();
                    let probe = Probe { run_id: name, process, until_ms };
                    rows::change(tx, circuit.name(), config, |breaker| {
                        breaker.admit(&config, probe, now.as_millis())
                    })
                });
                asked.await?
            }
        };
        let probe = match admission {
            Admission::Refused { retry_after_ms } => return Err(circuit.refused(retry_after_ms)),
            Admission::Passed => None,
            Admission::Probing => Some(run_id),
        };
        Ok(Self { circuit, engine, namespace, probe, is_open: true })
    }

    /// Says how it ended; none where that changes nothing.
    fn leave(&mut self, outcome: Outcome) -> Option<tokio::task::JoinHandle<()>> {
        self.is_open = false;
        let (circuit, probe) = (self.circuit, self.probe.take());
        if probe.is_none() && !self.changes(outcome) {
            return None;
        }
        let (engine, namespace) = (self.engine.clone(), std::mem::take(&mut self.namespace));
        let told = async move {
            let config = circuit.config();
            let done = engine.transact(&namespace, move |tx| {
                let now_ms = tx.now().as_millis();
                rows::change(tx, circuit.name(), config, |breaker| {
                    breaker.end(&config, outcome, probe.as_deref(), now_ms);
                })
            });
            if let Err(error) = done.await {
                tracing::warn!(circuit = circuit.name(), %error, "an outcome was not counted");
            }
        };
        // On its own: it is told even if the attempt is dropped meanwhile.
        Some(tokio::spawn(told))
    }

    /// Whether the outcome of an ordinary call is worth a transaction: what works in a circuit
    /// without failures is not.
    fn changes(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Failed => true,
            Outcome::Abandoned => false,
            Outcome::Worked => {
                let circuits = self.engine.extension::<Circuits>();
                let failed = circuits.map(|circuits| {
                    let name = self.circuit.name();
                    circuits.look(&self.engine, &self.namespace, name, |it| it.failure_count > 0)
                });
                matches!(failed, Some(Ok(true)))
            }
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if self.is_open && tokio::runtime::Handle::try_current().is_ok() {
            drop(self.leave(Outcome::Abandoned));
        }
    }
}
