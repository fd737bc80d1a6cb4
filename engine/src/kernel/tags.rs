//! What a run is found by, as its history tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{ActivityOptions, Run, RunTags};
use crate::Payload;
use crate::find::{STUCK_ATTEMPTS, fingerprint};

impl Run {
    /// The search attributes as they are now.
    pub fn search_attributes(&self) -> &BTreeMap<String, Payload> {
        let changed = self.tags.as_ref().and_then(|tags| tags.search_attributes.as_ref());
        changed.unwrap_or(&self.started.search_attributes)
    }

    /// The memo as it is now.
    pub fn memo(&self) -> Option<&Payload> {
        let changed = self.tags.as_ref().and_then(|tags| tags.memo.as_ref());
        changed.or(self.started.memo.as_ref())
    }

    /// The task queues that its activities went through; none where none of them did.
    pub fn queues(&self) -> Option<&BTreeSet<Arc<str>>> {
        self.tags.as_ref().map(|tags| &tags.queues)
    }

    /// Whether nothing but a change from outside seems to help it: its code cannot go on, or an
    /// activity has failed [`STUCK_ATTEMPTS`] times and is tried again.
    pub fn is_stuck(&self) -> bool {
        self.task_failure.is_some() || self.hopeless().is_some()
    }

    /// What an activity fails with again and again, and its type.
    fn hopeless(&self) -> Option<(&crate::Failure, &str)> {
        self.activities.values().find_map(|activity| {
            let failure = activity.last_failure.as_ref()?;
            // The attempt that runs has not failed yet.
            let failed = activity.attempt - u32::from(activity.is_running());
            (failed >= STUCK_ATTEMPTS).then_some((failure, &*activity.activity_type))
        })
    }

    /// The fingerprint of what it failed with, or of what it is stuck at.
    pub(crate) fn fingerprint(&self) -> Option<u64> {
        if let Some(failure) = &self.task_failure {
            return Some(fingerprint::of_task(failure));
        }
        if let (super::RunStatus::Failed, Some(failure)) = (self.status, &self.failure) {
            return Some(fingerprint::of_failure(failure, &self.started.workflow_type));
        }
        let (failure, activity_type) = self.hopeless()?;
        Some(fingerprint::of_failure(failure, activity_type))
    }

    pub(super) fn note_queue(&mut self, options: Option<&ActivityOptions>) {
        let Some(dispatch) = options.and_then(|options| options.dispatch.as_ref()) else { return };
        let tags = self.tags.get_or_insert_default();
        if !tags.queues.contains(&*dispatch.queue) {
            tags.queues.insert(dispatch.queue.as_ref().into());
        }
    }

    /// Null takes an attribute away.
    pub(super) fn upsert_attributes(&mut self, attributes: &BTreeMap<String, Payload>) {
        let mut all = self.search_attributes().clone();
        for (name, value) in attributes {
            match value.is_null() {
                true => all.remove(name),
                false => all.insert(name.clone(), value.clone()),
            };
        }
        self.tags_mut().search_attributes = Some(all);
    }

    /// The memo as it is with these fields changed; null takes a field away.
    pub(crate) fn memo_with(&self, fields: &BTreeMap<String, Payload>) -> Option<Payload> {
        let memo = self.memo().and_then(|memo| memo.to::<BTreeMap<String, Payload>>().ok());
        let mut all = memo.unwrap_or_default();
        for (name, value) in fields {
            match value.is_null() {
                true => all.remove(name),
                false => all.insert(name.clone(), value.clone()),
            };
        }
        Payload::from_value(&all).ok()
    }

    pub(super) fn upsert_memo(&mut self, fields: &BTreeMap<String, Payload>) {
        self.tags_mut().memo = self.memo_with(fields);
    }

    fn tags_mut(&mut self) -> &mut RunTags {
        self.tags.get_or_insert_default()
    }
}
