//! All task queues of this process: who waits for an attempt, and the limits that were set.
//!
//! Queues are kept in memory alone. What waits is in its run's history as scheduled (or as due for
//! a retry), and comes back with its run; limits that were set at run time have a row.
//!
//! Invariant: an activity that names a queue has its attempts started by `Shard::dispatch` and by
//! nobody else, and gives its slot back when the attempt is forgotten.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstep_storage::{Range, Snapshot};

use super::effect::Effect;
use super::keys;
use super::message::Reply;
use super::shard::Shard;
use super::step::Step;
use super::timers::Due;
use crate::kernel::{ActivityState, Command};
use crate::queue::{Dispatch, Id, Item, TaskQueue};
use crate::view::QueueDescription;
use crate::{HeldBy, QueueLimits, Rejection, RunId, Timestamp};

/// Namespace and name.
type QueueKey = (Arc<str>, Arc<str>);

/// What the loop changes and views read; the lock is held for a few map operations.
#[derive(Default)]
pub(crate) struct Queues {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    queues: BTreeMap<QueueKey, TaskQueue>,
    /// Where each activity waits or runs.
    homes: HashMap<Id, QueueKey>,
    /// What the worker declared, by name.
    declared: BTreeMap<Arc<str>, QueueLimits>,
    /// What was set at run time.
    set: BTreeMap<QueueKey, QueueLimits>,
    /// Queues in which something may be admitted.
    ready: HashSet<QueueKey>,
    /// When each queue that waits for time alone is looked at again.
    alarms: BTreeMap<QueueKey, Timestamp>,
}

impl Inner {
    fn limits(&self, key: &QueueKey) -> QueueLimits {
        let set = self.set.get(key).or_else(|| self.declared.get(&key.1));
        set.cloned().unwrap_or_default()
    }

    fn queue(&mut self, key: &QueueKey, now: Timestamp) -> &mut TaskQueue {
        let Self { queues, declared, set, .. } = self;
        queues.entry(key.clone()).or_insert_with(|| {
            let limits = set.get(key).or_else(|| declared.get(&key.1));
            TaskQueue::new(Arc::clone(&key.1), limits.cloned().unwrap_or_default(), now)
        })
    }
}

impl Queues {
    /// The queues that the worker declared.
    pub(crate) fn new(declared: BTreeMap<Arc<str>, QueueLimits>) -> Self {
        Self { inner: Mutex::new(Inner { declared, ..Inner::default() }) }
    }

    // Nothing that runs under the lock leaves it half done when it panics.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the limits that were set at run time.
    pub(super) fn load(&self, snapshot: &dyn Snapshot) -> Result<(), Rejection> {
        let mut inner = self.lock();
        for (key, stored) in snapshot.range(Range::all(keys::QUEUES))? {
            let corrupt = |what: &str| Rejection::Corrupt(format!("a queue's row {what}: {key:?}"));
            let (namespace, name) =
                keys::parse_queue(&key).ok_or_else(|| corrupt("has a key that cannot be read"))?;
            let limits = serde_json::from_slice(&stored)
                .map_err(|error| corrupt(&format!("cannot be read ({error})")))?;
            inner.set.insert((namespace.into(), name.into()), limits);
        }
        Ok(())
    }

    /// A namespace that holds no runs goes: what was set for its queues is forgotten.
    pub(super) fn forget_namespace(&self, namespace: &str) {
        let mut inner = self.lock();
        inner.set.retain(|key, _| &*key.0 != namespace);
        inner.queues.retain(|key, _| &*key.0 != namespace);
        inner.ready.retain(|key| &*key.0 != namespace);
        inner.alarms.retain(|key, _| &*key.0 != namespace);
    }

    /// Every queue of a namespace that was declared, set or used.
    pub(crate) fn describe(&self, namespace: &str, now: Timestamp) -> Vec<QueueDescription> {
        let mut inner = self.lock();
        let mut names: Vec<Arc<str>> = inner.declared.keys().cloned().collect();
        let known = inner.queues.keys().chain(inner.set.keys());
        names.extend(known.filter(|key| &*key.0 == namespace).map(|key| Arc::clone(&key.1)));
        names.sort_unstable();
        names.dedup();
        names
            .into_iter()
            .map(|name| {
                let key = (namespace.into(), name);
                let declared = inner.declared.contains_key(&key.1);
                let overridden = inner.set.contains_key(&key);
                let queue = inner.queue(&key, now);
                let (limits, figures) = (queue.limits().clone(), queue.figures(now));
                QueueDescription::new(&key.1, limits, figures, (declared, overridden), now)
            })
            .collect()
    }

    /// Why an activity does not run, if a queue holds it back.
    pub(crate) fn held_by(&self, id: Id, now: Timestamp) -> Option<HeldBy> {
        let mut inner = self.lock();
        let home = inner.homes.get(&id)?.clone();
        inner.queues.get_mut(&home)?.held_by(id, now)
    }
}

impl Step<'_> {
    /// The activity wants no attempt any more.
    pub(super) fn leave_queue(&mut self, activity_id: u32) {
        if self.resident.has_queued {
            self.turn.unqueued.push((self.resident.run_id, activity_id));
        }
    }

    /// Starts the attempt, or offers it to the queue that it names.
    pub(super) fn start_or_offer(&mut self, activity_id: u32) {
        let run = &self.resident.run;
        let queued = run
            .activities
            .get(&activity_id)
            .is_some_and(|activity| activity.options().dispatch.is_some());
        match queued {
            true => {
                self.resident.has_queued = true;
                self.turn.offers.push((self.resident.run_id, activity_id));
            }
            false => self.execute_own(Command::RetryActivity { activity_id }),
        }
    }
}

impl Shard {
    /// Starts what queues admit: what was offered in this turn, and what waited for a slot or for
    /// time. Everything that it starts rides in the open batch.
    pub(super) fn dispatch(&mut self) {
        if self.turn.draining {
            self.turn.offers.clear();
            return;
        }
        self.uses_queues |= !self.turn.offers.is_empty();
        if !self.uses_queues {
            return;
        }
        loop {
            for id in std::mem::take(&mut self.turn.unqueued) {
                self.free_slot(id);
            }
            for (run_id, activity_id) in std::mem::take(&mut self.turn.offers) {
                self.offer(run_id, activity_id);
            }
            let Some((namespace, item)) = self.next_admitted() else { break };
            self.progress.step();
            self.start_admitted(&namespace, item.id);
            self.split();
        }
    }

    fn offer(&mut self, run_id: RunId, activity_id: u32) {
        let Some(resident) = self.residents.get(run_id) else { return };
        let Some(activity) = resident.run.activities.get(&activity_id) else { return };
        let Some(dispatch) = &activity.options().dispatch else { return };
        let since = match activity.state {
            ActivityState::Scheduled => activity.scheduled_at,
            ActivityState::BackingOff(at) => at,
            ActivityState::Started(_) | ActivityState::HandedOver(_) => return,
        };
        let dispatch: Arc<Dispatch> = Arc::new((**dispatch).clone());
        let key = (Arc::clone(&resident.namespace), Arc::clone(&dispatch.queue));
        let (id, now) = ((run_id, activity_id), self.turn.now);
        let mut inner = self.inner.queues.lock();
        if inner.queue(&key, now).offer(Item { id, dispatch, since }, now) {
            inner.homes.insert(id, key.clone());
            inner.ready.insert(key);
        }
    }

    /// The next one that some queue admits; where time alone holds a queue back, it is looked at
    /// again at that time.
    fn next_admitted(&mut self) -> Option<(Arc<str>, Item)> {
        let now = self.turn.now;
        let mut inner = self.inner.queues.lock();
        loop {
            let key = inner.ready.iter().next().cloned()?;
            let queue = inner.queue(&key, now);
            if let Some(item) = queue.admit(now) {
                return Some((key.0, item));
            }
            let next_at = queue.next_at(now);
            inner.ready.remove(&key);
            if let Some(at) = next_at
                && inner.alarms.get(&key).is_none_or(|known| at < *known)
            {
                inner.alarms.insert(key.clone(), at);
                let (namespace, name) = key;
                self.timers.push(at, Due::Queue { namespace, name });
            }
        }
    }

    fn start_admitted(&mut self, namespace: &str, id: Id) {
        let (run_id, activity_id) = id;
        let started = match self.ensure_resident(namespace, run_id) {
            Ok(true) => self.step(run_id, |step| {
                step.execute_own(Command::RetryActivity { activity_id });
                let activity = step.resident.run.activities.get(&activity_id);
                activity.is_some_and(|activity| matches!(activity.state, ActivityState::Started(_)))
            }),
            Ok(false) => None,
            Err(rejection) => {
                tracing::error!(%rejection, %run_id, "a queued activity finds no run");
                None
            }
        };
        // Closed, cancelled or paused meanwhile: a paused run offers again when it is resumed.
        if started != Some(true) {
            self.free_slot(id);
        }
    }

    /// The attempt has ended, or will not start: its slot is another one's.
    pub(super) fn free_slot(&mut self, id: Id) {
        let mut inner = self.inner.queues.lock();
        let Some(home) = inner.homes.remove(&id) else { return };
        if let Some(queue) = inner.queues.get_mut(&home)
            && (queue.release(id) || queue.withdraw(id))
        {
            inner.ready.insert(home);
        }
    }

    /// The time has come that a queue waited for.
    pub(super) fn wake_queue(&mut self, namespace: Arc<str>, name: Arc<str>) {
        let key = (namespace, name);
        let mut inner = self.inner.queues.lock();
        inner.alarms.remove(&key);
        inner.ready.insert(key);
    }

    /// Memory was given up: what waits comes back with its runs.
    pub(super) fn forget_queued(&mut self) {
        let mut inner = self.inner.queues.lock();
        let attempts = &self.attempts;
        let still = |(run_id, activity_id): Id| attempts.get(run_id, activity_id).is_some();
        inner.queues.values_mut().for_each(|queue| queue.forget_all_but(still));
        inner.homes.retain(|id, _| still(*id));
        inner.alarms.clear();
        inner.ready = inner.queues.keys().cloned().collect();
        self.turn.offers.clear();
    }

    /// Sets a queue's limits, or takes back what was set.
    pub(super) fn set_queue(
        &mut self,
        namespace: &str,
        name: &str,
        limits: Option<QueueLimits>,
        reply: Reply<()>,
    ) {
        let answer = self.try_set_queue(namespace, name, limits);
        self.turn.effects.push(Effect::Answer(reply, answer));
    }

    fn try_set_queue(
        &mut self,
        namespace: &str,
        name: &str,
        limits: Option<QueueLimits>,
    ) -> Result<(), Rejection> {
        self.check_namespace(namespace)?;
        let row = keys::queue(namespace, name);
        let stored = match &limits {
            Some(limits) => {
                limits.check().map_err(Rejection::InvalidRequest)?;
                let stored = serde_json::to_vec(limits)
                    .map_err(|error| Rejection::InvalidRequest(error.to_string()))?;
                Some(stored)
            }
            None => None,
        };
        match &stored {
            Some(stored) => self.turn.batch.put(keys::QUEUES, &row, stored),
            None => self.turn.batch.delete(keys::QUEUES, &row),
        }
        let (key, now) = ((Arc::from(namespace), Arc::from(name)), self.turn.now);
        let mut inner = self.inner.queues.lock();
        match limits {
            Some(limits) => inner.set.insert(key.clone(), limits),
            None => inner.set.remove(&key),
        };
        let limits = inner.limits(&key);
        inner.queue(&key, now).set_limits(limits, now);
        inner.ready.insert(key);
        Ok(())
    }
}
