//! What is behind the code's futures: who waits for which answer, signals that nobody has taken.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use serde::{Deserialize, Serialize};

use super::{Asked, InlineStep, buffered_size};
use crate::sdk::cancel::Scopes;
use crate::sdk::patch::Patches;
use crate::sdk::update_buffer::UpdateBuffer;
use crate::{Failure, Payload, RunId, RunStatus, Timestamp};

/// How something that was waited for ended.
pub(crate) enum Resolution {
    Completed(Payload),
    /// Boxed, because it is large and rare.
    Failed(Box<Failure>),
    Cancelled,
    Fired,
    /// A detached workflow was started.
    Started(RunId),
    /// A child ended without a result.
    Ended(RunStatus, Box<Failure>),
}

pub(super) enum Slot {
    Waiting(Option<Waker>),
    Resolved(Resolution),
}

pub(crate) struct State {
    /// When the event that is being acted on was recorded.
    pub(crate) now: Timestamp,
    pub(crate) random_calls: u64,
    /// Events that the code has caused or seen, and the bytes of their payloads.
    pub(crate) seen_events: u64,
    pub(crate) seen_bytes: u64,
    pub(super) next_id: u32,
    pub(super) next_wait: u64,
    pub(crate) asked: VecDeque<Asked>,
    pub(super) slots: BTreeMap<u32, Slot>,
    pub(super) signals: BTreeMap<Arc<str>, VecDeque<Payload>>,
    /// What those that nobody has taken yet hold in memory, roughly.
    pub(crate) buffered_bytes: u64,
    pub(super) signal_waits: BTreeMap<u64, SignalWait>,
    /// Whether `signal_waits` changed since the driver last looked.
    pub(crate) waits_changed: bool,
    pub(crate) published: BTreeMap<&'static str, Payload>,
    pub(crate) inline_steps: BTreeMap<u32, InlineStep>,
    /// Children of which somebody waits for the start and not for the end.
    pub(super) starting: BTreeSet<u32>,
    /// Generated ids of children that a run before this one's reset had asked for.
    pub(crate) recorded_ids: BTreeMap<u32, String>,
    pub(super) polling: bool,
    /// The start delay, if any, is over. Before that events are kept, and the code is not run.
    pub(super) begun: bool,
    pub(crate) scopes: Scopes,
    /// Activities and children that were dropped and have not ended yet.
    pub(crate) abandoned: BTreeSet<u32>,
    /// Made by the first update; most runs have none.
    pub(super) updates: Option<Box<UpdateBuffer>>,
    /// None until the code asks for one or a replay knows of one.
    pub(crate) patches: Option<Box<Patches>>,
}

/// Whom an event wakes: nearly always at most one.
#[derive(Default)]
pub(super) struct Woken {
    pub(super) first: Option<Waker>,
    pub(super) more: Vec<Waker>,
}

impl From<Vec<Waker>> for Woken {
    fn from(more: Vec<Waker>) -> Self {
        Self { first: None, more }
    }
}

/// What code waits for that comes from outside: by name, since when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Awaited {
    pub(crate) signals: BTreeMap<Arc<str>, Timestamp>,
    pub(crate) updates: BTreeMap<Arc<str>, Timestamp>,
}

impl Awaited {
    pub(crate) fn is_empty(&self) -> bool {
        self.signals.is_empty() && self.updates.is_empty()
    }
}

pub(super) struct SignalWait {
    pub(super) name: Arc<str>,
    pub(super) since: Timestamp,
    pub(super) waker: Option<Waker>,
}

impl State {
    /// Wakers of whoever waits; an outcome that nobody waits for any more is dropped.
    pub(super) fn resolve(&mut self, id: u32, resolution: Resolution) -> Woken {
        self.inline_steps.remove(&id);
        let mut woken = Woken::default();
        if self.abandoned.remove(&id) {
            woken.more = self.scopes.wakers();
        }
        if let Some(slot) = self.slots.get_mut(&id)
            && let Slot::Waiting(waker) = std::mem::replace(slot, Slot::Resolved(resolution))
        {
            woken.first = waker;
        }
        woken
    }

    /// Whether code waits for an update of that name.
    pub(crate) fn awaits_update(&self, name: &str) -> bool {
        self.updates.as_ref().is_some_and(|updates| updates.is_awaited(name))
    }

    pub(in crate::sdk) fn updates_mut(&mut self) -> &mut UpdateBuffer {
        self.updates.get_or_insert_default()
    }

    /// Whether the code is being polled, so that what it does is meant.
    pub(in crate::sdk) const fn is_polling(&self) -> bool {
        self.polling
    }

    /// The next id of an activity or a timer.
    pub(crate) fn take_id(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// Begins to wait for the outcome of `id`.
    pub(crate) fn wait(&mut self, id: u32, waker: &Waker) {
        self.slots.insert(id, Slot::Waiting(Some(waker.clone())));
    }

    /// Takes the outcome of `id` if it has come; else leaves the waker to be called.
    pub(crate) fn take_resolution(&mut self, id: u32, waker: &Waker) -> Option<Resolution> {
        match self.slots.get_mut(&id) {
            Some(Slot::Waiting(stored)) => {
                store_waker(stored, waker);
                None
            }
            Some(Slot::Resolved(_)) => match self.slots.remove(&id) {
                Some(Slot::Resolved(resolution)) => Some(resolution),
                _ => None,
            },
            None => None,
        }
    }

    /// The future that waited for activity `id` is dropped.
    pub(crate) fn abandon_activity(&mut self, id: u32) {
        let waiting = matches!(self.slots.remove(&id), Some(Slot::Waiting(_)));
        if waiting && self.polling {
            self.abandoned.insert(id);
            self.asked.push_back(Asked::CancelActivity { activity_id: id });
        }
    }

    /// The future that waited for timer `id` is dropped.
    pub(crate) fn abandon_timer(&mut self, id: u32) {
        let waiting = matches!(self.slots.remove(&id), Some(Slot::Waiting(_)));
        if waiting && self.polling {
            self.asked.push_back(Asked::CancelTimer { timer_id: id });
        }
    }

    pub(super) fn end_child(&mut self, id: u32, status: RunStatus, failure: &Failure) -> Woken {
        self.resolve(id, Resolution::Ended(status, Box::new(failure.clone())))
    }

    /// Begins to wait for a child's end, or only for its start.
    pub(crate) fn wait_child(&mut self, id: u32, until_started: bool, waker: &Waker) {
        self.wait(id, waker);
        if until_started {
            self.starting.insert(id);
        }
    }

    /// Nobody waits for child `id` at present, and its outcome is kept for who will.
    pub(crate) fn keep(&mut self, id: u32) {
        match self.slots.entry(id).or_insert(Slot::Waiting(None)) {
            Slot::Waiting(waker) => *waker = None,
            Slot::Resolved(_) => {}
        }
    }

    /// A child that is held on to is no longer wanted.
    pub(crate) fn cancel_child(&mut self, id: u32) {
        if matches!(self.slots.get(&id), Some(Slot::Waiting(_))) {
            self.asked.push_back(Asked::CancelChild { child_id: id });
        }
    }

    /// The future that waited for child `id` is dropped.
    pub(crate) fn abandon_child(&mut self, id: u32) {
        self.starting.remove(&id);
        let waiting = matches!(self.slots.remove(&id), Some(Slot::Waiting(_)));
        if waiting && self.polling {
            self.abandoned.insert(id);
            self.asked.push_back(Asked::CancelChild { child_id: id });
        }
    }

    /// Nobody waits for `id` any more, and nothing is to be withdrawn.
    pub(crate) fn forget(&mut self, id: u32) {
        self.starting.remove(&id);
        self.slots.remove(&id);
    }

    /// Takes what the code asked for next.
    pub(crate) fn take_asked(&mut self) -> Option<Asked> {
        let asked = self.asked.pop_front()?;
        let (events, bytes) = asked.weight();
        self.seen_events += events;
        self.seen_bytes += bytes;
        Some(asked)
    }

    /// Takes the oldest signal of that name, in the order in which they came.
    pub(crate) fn take_signal(&mut self, name: &str) -> Option<Payload> {
        let payload = self.signals.get_mut(name)?.pop_front()?;
        self.buffered_bytes -= buffered_size(&payload);
        Some(payload)
    }

    /// Begins or goes on to wait for a signal; returns the wait's id.
    pub(crate) fn wait_signal(&mut self, wait: Option<u64>, name: &str, waker: &Waker) -> u64 {
        if let Some(id) = wait
            && let Some(known) = self.signal_waits.get_mut(&id)
        {
            store_waker(&mut known.waker, waker);
            return id;
        }
        let id = self.next_wait;
        self.next_wait += 1;
        let wait = SignalWait { name: name.into(), since: self.now, waker: Some(waker.clone()) };
        self.signal_waits.insert(id, wait);
        self.waits_changed = true;
        id
    }

    /// Nobody waits under that id any more.
    pub(crate) fn end_signal_wait(&mut self, wait: u64) {
        self.signal_waits.remove(&wait);
        self.waits_changed = true;
    }
}

pub(crate) fn store_waker(stored: &mut Option<Waker>, waker: &Waker) {
    match stored {
        Some(known) if known.will_wake(waker) => {}
        _ => *stored = Some(waker.clone()),
    }
}
