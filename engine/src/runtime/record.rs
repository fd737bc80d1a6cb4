//! A run's row: what lists, results and id policies need, without its history.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use everstep_storage::Snapshot;
use serde::{Deserialize, Serialize};

use super::{keys, payload_rows};
use crate::find::term::fingerprint_text;
use crate::kernel::{ParentLink, Run};
use crate::view::{RunResult, RunSummary};
use crate::{Failure, Payload, Rejection, RunId, RunStatus, Timestamp};

/// A run's place in its chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChainRecord {
    pub(crate) first_run_id: RunId,
    pub(crate) continued_from: Option<RunId>,
    pub(crate) continued_to: Option<RunId>,
}

impl ChainRecord {
    fn of(run: &Run) -> Option<Box<Self>> {
        let continued_from = run.started.continued.as_ref().map(|given| given.continued_from);
        let continued_to = run.continued_to;
        let first_run_id = run.started.first_run_id();
        if continued_from.or(continued_to).is_none() && first_run_id == run.started.run_id {
            return None;
        }
        Some(Box::new(Self { first_run_id, continued_from, continued_to }))
    }
}

/// Written when a run starts, closes, or gets stuck.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    pub(crate) namespace: String,
    pub(crate) workflow_id: String,
    pub(crate) run_id: RunId,
    pub(crate) workflow_type: Arc<str>,
    pub(crate) status: RunStatus,
    pub(crate) started_at: Timestamp,
    pub(crate) closed_at: Option<Timestamp>,
    pub(crate) result: Option<Payload>,
    pub(crate) failure: Option<Failure>,
    pub(crate) memo: Option<Payload>,
    pub(crate) search_attributes: BTreeMap<String, Payload>,
    pub(crate) parent: Option<Box<ParentLink>>,
    /// The runs around it in its chain, if it is not the only one.
    pub(crate) chain: Option<Box<ChainRecord>>,
    pub(crate) build_id: Arc<str>,
    pub(crate) stuck: bool,
    pub(crate) version: Arc<str>,
    /// What a replay must know before it begins; see [`Foresight`](super::Foresight).
    pub(crate) stuck_from: Option<u64>,
    pub(crate) patches: BTreeMap<Arc<str>, bool>,
    /// The task queues that its activities went through.
    pub(crate) queues: BTreeSet<Arc<str>>,
    /// The fingerprint of what it failed with, or of what it is stuck at.
    pub(crate) fingerprint: Option<u64>,
}

impl RunRecord {
    /// The row of a run; a result of more than `inline_bytes` stands in it as a reference.
    pub(crate) fn of(run: &Run, inline_bytes: usize) -> Self {
        let started = &run.started;
        let (mut result, mut failure) = (run.result.clone(), run.failure.clone());
        let details = failure.as_mut().and_then(|failure| failure.details.as_mut());
        for payload in result.as_mut().into_iter().chain(details) {
            // Nothing is recorded of a run after the event that closed it.
            payload_rows::refer_to_large(payload, run.history_length, inline_bytes);
        }
        Self {
            namespace: started.namespace.clone(),
            workflow_id: started.workflow_id.clone(),
            run_id: started.run_id,
            workflow_type: Arc::clone(&started.workflow_type),
            status: run.status,
            started_at: run.started_at,
            closed_at: run.closed_at,
            result,
            failure,
            memo: run.memo().cloned(),
            search_attributes: run.search_attributes().clone(),
            parent: started.parent.clone(),
            chain: ChainRecord::of(run),
            build_id: Arc::clone(&started.build_id),
            stuck: run.is_stuck(),
            version: Arc::clone(&started.version),
            stuck_from: run.stuck_from,
            patches: run.patches.clone(),
            queues: run.queues().cloned().unwrap_or_default(),
            fingerprint: run.fingerprint(),
        }
    }

    pub(crate) fn read(stored: &[u8]) -> Result<Self, Rejection> {
        postcard::from_bytes(stored)
            .map_err(|error| Rejection::Corrupt(format!("a run cannot be read: {error}")))
    }

    /// The first run of its chain.
    pub(crate) fn first_run_id(&self) -> RunId {
        self.chain.as_ref().map_or(self.run_id, |chain| chain.first_run_id)
    }

    /// The run before it in its chain.
    pub(crate) fn continued_from(&self) -> Option<RunId> {
        self.chain.as_ref()?.continued_from
    }

    /// What came of the run.
    pub(crate) fn result(&self, snapshot: &dyn Snapshot) -> Result<RunResult, Rejection> {
        let (mut result, mut failure) = (self.result.clone(), self.failure.clone());
        let run = keys::run(&self.namespace, self.run_id);
        if let Some(result) = &mut result {
            payload_rows::resolve(result, snapshot, &run)?;
        }
        if let Some(failure) = &mut failure {
            payload_rows::resolve_failure(failure, snapshot, &run)?;
        }
        let new_run_id = self.chain.as_ref().and_then(|chain| chain.continued_to);
        Ok(RunResult { status: self.status, result, failure, new_run_id })
    }

    pub(crate) fn summary(self) -> RunSummary {
        RunSummary {
            workflow_id: self.workflow_id,
            run_id: self.run_id,
            workflow_type: self.workflow_type.to_string(),
            status: self.status,
            started_at: self.started_at,
            closed_at: self.closed_at,
            parent: self.parent.map(|parent| parent.workflow_id),
            memo: self.memo.unwrap_or_else(|| Payload::from_static("{}")),
            search_attributes: self.search_attributes,
            build_id: self.build_id.to_string(),
            namespace: self.namespace,
            stuck: self.stuck,
            version: self.version.to_string(),
            fingerprint: self.fingerprint.map(fingerprint_text),
            queues: self.queues.iter().map(ToString::to_string).collect(),
            patches: self.patches.keys().map(ToString::to_string).collect(),
        }
    }
}
