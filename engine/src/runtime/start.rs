//! Starting a workflow: which run the answer names, and whether it is a new one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::effect::Effect;
use super::history_log::{newest_run, stored_run};
use super::keys;
use super::message::Reply;
use super::record::RunRecord;
use super::resident::Resident;
use super::shard::Shard;
use super::task::Task;
use super::turn::Turn;
use crate::kernel::{Command, HistoryEvent, ParentLink, Run, WorkflowStarted};
use crate::view::RunResult;
use crate::{IdReuse, OnConflict, Rejection, RunId, RunStatus, Selector, StartRequest, Started};

/// What is kept of a start under its idempotency key.
#[derive(Serialize, Deserialize)]
struct KeptStart {
    /// The request without its key.
    request: StartRequest,
    answer: Started,
}

/// What the id belongs to now.
pub(super) struct Holder {
    pub(super) run_id: RunId,
    pub(super) status: RunStatus,
}

impl Shard {
    pub(super) fn start(
        &mut self,
        request: StartRequest,
        watch: Option<oneshot::Sender<RunResult>>,
        reply: Reply<Started>,
    ) {
        let namespace = watch.is_some().then(|| request.namespace.clone());
        let answer = self.try_start(request, None);
        if let (Ok(started), Some(watch), Some(namespace)) = (&answer, watch, namespace) {
            self.watch_started(&namespace, started, watch);
        }
        self.turn.effects.push(Effect::AnswerStart(reply, answer));
    }

    pub(super) fn try_start(
        &mut self,
        mut request: StartRequest,
        parent: Option<Box<ParentLink>>,
    ) -> Result<Started, Rejection> {
        self.check_namespace(&request.namespace)?;
        let key = request.idempotency_key.take();
        // Another try of the same request is another span of its caller.
        let trace = request.trace.take();
        if let Some(key) = &key
            && let Some(answer) = self.answered_before(&request, key)?
        {
            return Ok(answer);
        }
        let kept = key.map(|key| (key, request.clone()));
        request.trace = trace;
        let answer = self.start_or_find(request, parent)?;
        if let Some((key, request)) = kept {
            let row = keys::start_key(&request.namespace, &key);
            let stored = KeptStart { request, answer: answer.clone() };
            let stored = postcard::to_stdvec(&stored)
                .map_err(|error| Rejection::InvalidRequest(error.to_string()))?;
            self.recent_keys.remember(row.clone(), stored.clone(), self.turn.number);
            self.turn.batch.put(keys::START_KEYS, &row, &stored);
        }
        Ok(answer)
    }

    /// What an earlier start under the same key was answered.
    fn answered_before(
        &mut self,
        request: &StartRequest,
        key: &str,
    ) -> Result<Option<Started>, Rejection> {
        let row = keys::start_key(&request.namespace, key);
        let stored = match self.recent_keys.get(&row) {
            Some(stored) => Some(stored.to_vec()),
            None => self.snapshot()?.get(keys::START_KEYS, &row)?.map(|stored| stored.to_vec()),
        };
        let Some(stored) = stored else { return Ok(None) };
        let kept: KeptStart = postcard::from_bytes(&stored)
            .map_err(|error| Rejection::Corrupt(format!("a kept start: {error}")))?;
        match kept.request == *request {
            true => Ok(Some(kept.answer)),
            false => Err(Rejection::IdempotencyConflict(key.to_owned())),
        }
    }

    fn start_or_find(
        &mut self,
        mut request: StartRequest,
        parent: Option<Box<ParentLink>>,
    ) -> Result<Started, Rejection> {
        if !request.search_attributes.is_empty() {
            self.inner.registry.check_attributes(&mut request.search_attributes)?;
        }
        let run_id = self.turn.new_run_id();
        // An id that nobody else can have needs no look-up.
        let Some(workflow_id) = request.workflow_id.clone() else {
            return self.begin(request, parent, run_id.to_string(), run_id);
        };
        let holder = self.holder(&request.namespace, &workflow_id)?;
        let held_by = holder.as_ref().map(|holder| holder.run_id);
        if let Some(Holder { run_id: held_by, status }) = holder {
            let replaces = request.id_reuse == IdReuse::TerminateIfRunning;
            if !status.is_closed() && !replaces {
                return match request.on_conflict {
                    OnConflict::UseExisting => self.use_existing(request, workflow_id, held_by),
                    OnConflict::Fail => {
                        Err(Rejection::WorkflowAlreadyRunning(workflow_id, held_by.to_string()))
                    }
                };
            }
            let allowed = match request.id_reuse {
                IdReuse::RejectDuplicate => false,
                IdReuse::AllowIfFailed => status != RunStatus::Completed,
                IdReuse::AllowIfClosed | IdReuse::TerminateIfRunning => true,
            };
            if !allowed {
                let (run, status) = (held_by.to_string(), status.to_string());
                return Err(Rejection::WorkflowAlreadyExists(workflow_id, run, status));
            }
            if !status.is_closed() && self.ensure_resident(&request.namespace, held_by)? {
                let reason = "replaced by a new run of the same id".to_owned();
                self.step(held_by, |step| step.execute(Command::Terminate { reason }));
            }
        }
        if let Some(held_by) = held_by {
            self.link_runs(&request.namespace, &workflow_id, held_by, run_id);
        }
        self.begin(request, parent, workflow_id, run_id)
    }

    fn begin(
        &mut self,
        request: StartRequest,
        parent: Option<Box<ParentLink>>,
        workflow_id: String,
        run_id: RunId,
    ) -> Result<Started, Rejection> {
        let registry = Arc::clone(&self.inner.registry);
        let entry = registry.workflows.get(request.workflow_type.as_str());
        let entry = entry.ok_or_else(|| {
            Rejection::UnknownWorkflowType(request.workflow_type.clone(), String::new())
        })?;
        let trace = request.trace;
        let started = WorkflowStarted {
            namespace: request.namespace,
            workflow_id: workflow_id.clone(),
            run_id,
            workflow_type: Arc::clone(&entry.name),
            input: request.input,
            start_delay_ms: request.start_delay_ms.filter(|&ms| ms > 0),
            execution_timeout_ms: request.execution_timeout_ms,
            run_timeout_ms: request.run_timeout_ms,
            // Time runs from when the code may first run.
            execution_deadline: request.execution_timeout_ms.map(|ms| {
                self.turn.now.plus_millis(request.start_delay_ms.unwrap_or(0)).plus_millis(ms)
            }),
            memo: request.memo,
            search_attributes: request.search_attributes,
            build_id: registry.build_id(),
            parent,
            version: Arc::clone(&entry.version),
            continued: None,
            reset: None,
            trace,
        };
        let now = self.turn.now;
        let started = Arc::new(started);
        let task = Task::new(entry, Arc::clone(&started), now);
        let event = HistoryEvent::WorkflowStarted(started);
        let run = Run::begin(&event, now)
            .ok_or_else(|| Rejection::InvalidRequest("a run begins with its start".into()))?;
        self.residents.insert(Resident::new(run, Some(task)));
        self.step(run_id, |step| {
            step.begin(event);
            if let Some(signal) = request.signal {
                let command = Command::Signal { name: signal.name.into(), payload: signal.payload };
                // An open run takes every signal; one that has ended in its first turn took none.
                step.execute(command).map(drop).or_else(|refused| match refused {
                    Rejection::WorkflowClosed(..) => Ok(()),
                    other => Err(other),
                })
            } else {
                Ok(())
            }
        })
        .unwrap_or(Ok(()))?;
        if let Some(update) = request.update {
            self.admit(run_id, *update, true)?;
        }
        Ok(Started { workflow_id, run_id, started: true })
    }

    fn use_existing(
        &mut self,
        request: StartRequest,
        workflow_id: String,
        run_id: RunId,
    ) -> Result<Started, Rejection> {
        // What is refused must be refused before the signal is there.
        let update = match request.update {
            Some(update) => {
                let namespace = request.namespace.clone();
                let workflow_id = workflow_id.clone();
                let selector = Selector { namespace, workflow_id, run_id: Some(run_id) };
                self.update_of_start(&selector, *update)?
            }
            None => None,
        };
        if let Some(signal) = request.signal {
            self.ensure_resident(&request.namespace, run_id)?;
            let command = Command::Signal { name: signal.name.into(), payload: signal.payload };
            self.step(run_id, |step| step.execute(command))
                .unwrap_or_else(|| Err(Rejection::WorkflowNotFound(workflow_id.clone())))?;
        }
        if let Some(update) = update {
            self.admit(run_id, update, true)?;
        }
        Ok(Started { workflow_id, run_id, started: false })
    }

    /// Whether a run has the id, open or closed.
    pub(super) fn is_taken(
        &mut self,
        namespace: &str,
        workflow_id: &str,
    ) -> Result<bool, Rejection> {
        Ok(self.holder(namespace, workflow_id)?.is_some())
    }

    /// The run that the id belongs to, in memory or in the store.
    pub(super) fn holder(
        &mut self,
        namespace: &str,
        workflow_id: &str,
    ) -> Result<Option<Holder>, Rejection> {
        if let Some(run_id) = self.residents.of_workflow(namespace, workflow_id)
            && let Some(resident) = self.residents.get(run_id)
        {
            return Ok(Some(Holder { run_id, status: resident.run.status }));
        }
        let snapshot = self.snapshot()?;
        let Some(run_id) = newest_run(snapshot, namespace, workflow_id)? else { return Ok(None) };
        if self.deleted.contains_key(&run_id) {
            // Being deleted: what stands for the id then is read again when that is durable.
            return Err(Rejection::Unavailable(format!(
                "a run of workflow `{workflow_id}` is being deleted: try again"
            )));
        }
        let snapshot = self.snapshot()?;
        let Some(stored) = stored_run(snapshot, namespace, run_id)? else {
            return Ok(None);
        };
        Ok(Some(Holder { run_id, status: RunRecord::read(&stored)?.status }))
    }
}

impl Turn {
    /// A version 7 UUID of the engine's time: 48 bits of milliseconds, a counter that keeps ids of
    /// one millisecond in order, and random bits (RFC 9562, section 6.2, method 1).
    pub(super) fn new_run_id(&mut self) -> RunId {
        let now_ms = u64::try_from(self.now.as_millis()).unwrap_or(0);
        let (last_ms, counter) = self.last_run_id;
        let (ms, counter) = match now_ms > last_ms {
            true => (now_ms, 0),
            // More than the counter holds within a millisecond: borrow from the next one.
            false if counter == 0x0fff => (last_ms + 1, 0),
            false => (last_ms, counter + 1),
        };
        self.last_run_id = (ms, counter);
        let random: u64 = match self.staged {
            true => crate::kernel::mix(ms << 12 | u64::from(counter)),
            false => rand::random(),
        };
        let [.., a, b, c, d, e, f] = ms.to_be_bytes();
        let [hi, lo] = counter.to_be_bytes();
        let r = random.to_be_bytes();
        let bytes = [
            a,
            b,
            c,
            d,
            e,
            f,
            0x70 | hi,
            lo,
            0x80 | (r[0] & 0x3f),
            r[1],
            r[2],
            r[3],
            r[4],
            r[5],
            r[6],
            r[7],
        ];
        RunId::from_bytes(*Uuid::from_bytes(bytes).as_bytes())
    }
}

/// The run that a kept start was answered with.
pub(super) fn kept_run(stored: &[u8]) -> Result<RunId, Rejection> {
    let kept: KeptStart = postcard::from_bytes(stored)
        .map_err(|error| Rejection::Corrupt(format!("a kept start: {error}")))?;
    Ok(kept.answer.run_id)
}

/// Idempotency keys whose rows are not durable yet, so that no snapshot shows them.
#[derive(Default)]
pub(super) struct RecentKeys {
    rows: std::collections::HashMap<Vec<u8>, (u64, Vec<u8>)>,
}

impl RecentKeys {
    pub(super) fn remember(&mut self, row: Vec<u8>, stored: Vec<u8>, turn: u64) {
        self.rows.insert(row, (turn, stored));
    }

    pub(super) fn get(&self, row: &[u8]) -> Option<&[u8]> {
        self.rows.get(row).map(|(_, stored)| stored.as_slice())
    }

    /// Rows up to turn `turn` can be found in the store now.
    pub(super) fn durable(&mut self, turn: u64) {
        if !self.rows.is_empty() {
            self.rows.retain(|_, (written, _)| *written > turn);
        }
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
    }
}

/// The last run id's milliseconds and counter.
pub(super) type LastRunId = (u64, u16);
