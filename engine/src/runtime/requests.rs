//! Signals, cancels, terminations and waits: requests to a run that exists.

use std::panic::AssertUnwindSafe;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::effect::Effect;
use super::history_log::read_run;
use super::keys;
use super::message::Reply;
use super::panics;
use super::resident::Resident;
use super::shard::{Shard, Watcher};
use crate::kernel::Command;
use crate::view::RunResult;
use crate::{Payload, Rejection, RunId, RunStatus, Selector, SignalInput, Started};

/// What is kept of a signal under its idempotency key.
#[derive(PartialEq, Serialize, Deserialize)]
struct KeptSignal {
    name: String,
    payload: Payload,
}

/// The run that a request names.
pub(super) struct Target {
    pub(super) run_id: RunId,
    /// The first run of its chain.
    pub(super) first_run_id: RunId,
    pub(super) status: RunStatus,
}

impl Shard {
    /// Finds the run that the selector names, in memory or in the store.
    pub(super) fn target(&mut self, selector: &Selector) -> Result<Target, Rejection> {
        let in_memory = match selector.run_id {
            Some(run_id) => Some(run_id),
            None => self.residents.of_workflow(&selector.namespace, &selector.workflow_id),
        };
        if let Some(resident) = in_memory.and_then(|run_id| self.residents.get(run_id))
            && *resident.workflow_id == *selector.workflow_id
            && *resident.namespace == *selector.namespace
        {
            return Ok(Target {
                run_id: resident.run_id,
                first_run_id: resident.run.started.first_run_id(),
                status: resident.run.status,
            });
        }
        let record = read_run(self.snapshot()?, selector)?;
        if self.deleted.contains_key(&record.run_id) {
            return Err(Rejection::WorkflowNotFound(selector.workflow_id.clone()));
        }
        Ok(Target {
            run_id: record.run_id,
            first_run_id: record.first_run_id(),
            status: record.status,
        })
    }

    /// Carries out a command from outside.
    pub(super) fn command(&mut self, selector: &Selector, command: Command, reply: Reply<()>) {
        let answer = self.try_command(selector, command).map(drop);
        self.turn.effects.push(Effect::Answer(reply, answer));
    }

    /// As [`Shard::command`]; gives back the run that took it.
    pub(super) fn try_command(
        &mut self,
        selector: &Selector,
        command: Command,
    ) -> Result<RunId, Rejection> {
        let target = self.target(selector)?;
        let closed = |status: RunStatus| {
            Rejection::WorkflowClosed(selector.workflow_id.clone(), status.to_string())
        };
        if target.status.is_closed() {
            return Err(closed(target.status));
        }
        self.ensure_resident(&selector.namespace, target.run_id)?;
        match self.step(target.run_id, |step| step.execute(command)) {
            Some(executed) => executed.map(|()| target.run_id),
            // It closed as it was brought back.
            None => Err(closed(target.status)),
        }
    }

    pub(super) fn signal(
        &mut self,
        selector: &Selector,
        signal: SignalInput,
        idempotency_key: Option<String>,
        reply: Reply<()>,
    ) {
        let answer = self.try_signal(selector, signal, idempotency_key);
        self.turn.effects.push(Effect::Answer(reply, answer));
    }

    pub(super) fn try_signal(
        &mut self,
        selector: &Selector,
        signal: SignalInput,
        idempotency_key: Option<String>,
    ) -> Result<(), Rejection> {
        let target = self.target(selector)?;
        let kept = match idempotency_key {
            None => None,
            Some(key) => {
                let row = keys::signal_key(&selector.namespace, target.first_run_id, &key);
                let signal =
                    KeptSignal { name: signal.name.clone(), payload: signal.payload.clone() };
                match self.kept_signal(&row)? {
                    // A retry is harmless, even after the run has closed.
                    Some(before) if before == signal => return Ok(()),
                    Some(_) => return Err(Rejection::IdempotencyConflict(key)),
                    None => Some((row, signal)),
                }
            }
        };
        if !target.status.is_closed() {
            self.check_signal(selector, target.run_id, &signal)?;
        }
        let command = Command::Signal { name: signal.name.into(), payload: signal.payload };
        self.try_command(selector, command)?;
        if let Some((row, signal)) = kept {
            let stored = postcard::to_stdvec(&signal)
                .map_err(|error| Rejection::InvalidRequest(error.to_string()))?;
            self.recent_keys.remember(row.clone(), stored.clone(), self.turn.number);
            self.turn.batch.put(keys::SIGNAL_KEYS, &row, &stored);
        }
        Ok(())
    }

    fn kept_signal(&mut self, row: &[u8]) -> Result<Option<KeptSignal>, Rejection> {
        let stored = match self.recent_keys.get(row) {
            Some(stored) => Some(stored.to_vec()),
            None => self.snapshot()?.get(keys::SIGNAL_KEYS, row)?.map(|stored| stored.to_vec()),
        };
        stored
            .map(|stored| {
                postcard::from_bytes(&stored)
                    .map_err(|error| Rejection::Corrupt(format!("a kept signal: {error}")))
            })
            .transpose()
    }

    /// Refuses a payload that the workflow declared it cannot take.
    fn check_signal(
        &mut self,
        selector: &Selector,
        run_id: RunId,
        signal: &SignalInput,
    ) -> Result<(), Rejection> {
        self.ensure_resident(&selector.namespace, run_id)?;
        let Some(resident) = self.residents.get(run_id) else { return Ok(()) };
        let workflow_type = &*resident.run.started.workflow_type;
        let code = self.inner.registry.code_of(&resident.run.started).ok();
        let check = code.and_then(|entry| entry.check_signal.get(signal.name.as_str()));
        let Some(check) = check else { return Ok(()) };
        // The payload's type may have code of its own.
        let checked = panics::catch(AssertUnwindSafe(|| check(&signal.payload)));
        let checked = checked.unwrap_or_else(|panic| Err(panic.message));
        checked.map_err(|error| {
            Rejection::Unprocessable(format!(
                "signal `{}` of workflow type `{workflow_type}` cannot carry this payload: {error}",
                signal.name
            ))
        })
    }

    /// Answers a closed run's result; keeps `watch` for an open one.
    pub(super) fn watch(
        &mut self,
        selector: &Selector,
        watch: oneshot::Sender<RunResult>,
        reply: Reply<Option<RunResult>>,
    ) {
        let answer = match self.target(selector) {
            Err(rejection) => Err(rejection),
            Ok(target) if target.status.is_closed() => self.closed_result(selector, target.run_id),
            Ok(target) => {
                let follows_chain = selector.run_id.is_none();
                self.add_watcher(target.run_id, Watcher { watch, follows_chain });
                Ok(None)
            }
        };
        self.turn.effects.push(Effect::AnswerWatch(reply, Box::new(answer)));
    }

    pub(super) fn closed_result(
        &mut self,
        selector: &Selector,
        run_id: RunId,
    ) -> Result<Option<RunResult>, Rejection> {
        if let Some(Resident { run, .. }) = self.residents.get(run_id) {
            return Ok(Some(RunResult {
                status: run.status,
                result: run.result.clone(),
                failure: run.failure.clone(),
                new_run_id: run.continued_to,
            }));
        }
        let selector = Selector { run_id: Some(run_id), ..selector.clone() };
        let snapshot = self.snapshot()?;
        read_run(snapshot, &selector)?.result(snapshot).map(Some)
    }

    /// Keeps a watcher of the run that a start has just named.
    pub(super) fn watch_started(
        &mut self,
        namespace: &str,
        started: &Started,
        watch: oneshot::Sender<RunResult>,
    ) {
        // A run in memory is open, or its end is not released yet and finds the watcher.
        if self.residents.get(started.run_id).is_none() {
            let selector = Selector {
                namespace: namespace.to_owned(),
                workflow_id: started.workflow_id.clone(),
                run_id: Some(started.run_id),
            };
            match self.closed_result(&selector, started.run_id) {
                // It was started before under the same key, and its chain has gone on since.
                Ok(Some(RunResult { new_run_id: Some(run_id), .. })) => {
                    let next = Started { run_id, ..started.clone() };
                    return self.watch_started(namespace, &next, watch);
                }
                Ok(Some(result)) if result.status.is_closed() => {
                    // Who stopped waiting is no concern.
                    let _ = watch.send(result);
                    return;
                }
                Ok(_) => {}
                Err(rejection) => tracing::error!(%rejection, "a started run cannot be read"),
            }
        }
        self.add_watcher(started.run_id, Watcher { watch, follows_chain: true });
    }
}
