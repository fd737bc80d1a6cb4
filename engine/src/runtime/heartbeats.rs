//! The last heartbeat of each activity, beside the run: a row that is overwritten, so that an
//! activity which reports for days does not grow its run's history.
//!
//! Invariant: a row exists only while its activity is pending, and it moves the activity's durable
//! deadline in the same batch.

use std::collections::BTreeMap;

use everstep_storage::{Range, Snapshot};
use serde::{Deserialize, Serialize};

use super::keys::{self, HEARTBEATS};
use super::step::Step;
use crate::sdk::Heartbeat;
use crate::{Payload, Rejection, RunId, Timestamp};

#[derive(Serialize, Deserialize)]
struct Stored {
    at: Timestamp,
    details: Payload,
}

/// The heartbeats of a run's pending activities, by activity.
pub(crate) fn read_heartbeats(
    snapshot: &dyn Snapshot,
    namespace: &str,
    run_id: RunId,
) -> Result<BTreeMap<u32, Heartbeat>, Rejection> {
    let rows = snapshot.range(Range::prefix(HEARTBEATS, &keys::run(namespace, run_id)))?;
    let corrupt = |what: String| Rejection::Corrupt(format!("a heartbeat of run {run_id}: {what}"));
    let read = rows.iter().map(|(key, value)| {
        let id = keys::parse_heartbeat(key).ok_or_else(|| corrupt(format!("key {key:?}")))?;
        let Stored { at, details } =
            postcard::from_bytes(value).map_err(|error| corrupt(error.to_string()))?;
        Ok((id, Heartbeat { at, details }))
    });
    read.collect()
}

impl Step<'_> {
    /// Keeps the heartbeat for the next attempt.
    pub(super) fn save_heartbeat(&mut self, activity_id: u32, heartbeat: Heartbeat) {
        if !self.resident.run.activities.contains_key(&activity_id) {
            return;
        }
        let before = self.durable_deadline(activity_id);
        let key = keys::heartbeat(&self.resident.namespace, self.resident.run_id, activity_id);
        let stored = Stored { at: heartbeat.at, details: heartbeat.details.clone() };
        match postcard::to_stdvec(&stored) {
            Ok(stored) => self.turn.batch.put(HEARTBEATS, &key, &stored),
            Err(error) => tracing::error!(%error, "a heartbeat has no stored form"),
        }
        self.resident.heartbeats.insert(activity_id, heartbeat);
        self.move_deadline(activity_id, before);
        self.touch();
    }

    /// The activity has ended: its heartbeat is of no use any more.
    pub(super) fn drop_heartbeat(&mut self, activity_id: u32) {
        if self.resident.heartbeats.remove(&activity_id).is_some() {
            let key = keys::heartbeat(&self.resident.namespace, self.resident.run_id, activity_id);
            self.turn.batch.delete(HEARTBEATS, &key);
        }
    }
}
