//! What a workflow's code and its driver share: what was asked, what has come, who waits.
//!
//! Invariant: nothing in here depends on anything but the events delivered so far and the code, so
//! the same history leads to the same requests in the same order. A durable future that is dropped
//! cancels what it waited for only while the code is being polled; eviction, panic and shutdown
//! drop it outside a poll and cancel nothing.

mod asked;
mod state;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

pub(crate) use self::asked::{Asked, InlineStep};
pub(crate) use self::state::{Awaited, Resolution, State, store_waker};
use self::state::{Slot, Woken};
use super::update_buffer::{Before, Offered, OfferedUpdate};
use crate::kernel::{Carried, HistoryEvent, UpdateAccepted, WorkflowStarted};
use crate::{Payload, RunStatus, SignalInput, Timestamp};

/// The shared state of one run's code.
pub(crate) struct Core {
    pub(crate) started: Arc<WorkflowStarted>,
    pub(crate) started_at: Timestamp,
    state: RefCell<State>,
}

impl Core {
    pub(crate) fn new(started: Arc<WorkflowStarted>, started_at: Timestamp) -> Rc<Self> {
        let carried = started.continued.as_ref().map(|given| &given.carried);
        let mut signals = BTreeMap::<Arc<str>, VecDeque<Payload>>::new();
        let mut buffered_bytes = 0;
        for signal in carried.map_or(&[][..], |carried| &carried.signals) {
            let name = Arc::from(signal.name.as_str());
            buffered_bytes += buffered_size(&signal.payload);
            signals.entry(name).or_default().push_back(signal.payload.clone());
        }
        let children = carried.map_or(&[][..], |carried| &carried.children);
        let slots = children.iter().map(|(id, _)| (*id, Slot::Waiting(None))).collect();
        let next_id = carried.map_or(1, |carried| carried.first_free_id);
        Rc::new(Self {
            started,
            started_at,
            state: RefCell::new(State {
                now: started_at,
                random_calls: 0,
                seen_events: 0,
                seen_bytes: 0,
                next_id,
                next_wait: 0,
                asked: VecDeque::new(),
                slots,
                signals,
                buffered_bytes,
                signal_waits: BTreeMap::new(),
                waits_changed: false,
                published: BTreeMap::new(),
                inline_steps: BTreeMap::new(),
                starting: BTreeSet::new(),
                recorded_ids: BTreeMap::new(),
                polling: false,
                begun: false,
                scopes: Default::default(),
                abandoned: BTreeSet::new(),
                updates: None,
                patches: None,
            }),
        })
    }

    /// Short borrows only: never across a poll or a call into the workflow's code.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.borrow_mut())
    }

    /// Takes in an event. Returns whether the code must be polled for it; the answer depends on
    /// the event alone, so that live and in replay it is the same.
    pub(crate) fn deliver(&self, event: &HistoryEvent, at: Timestamp) -> bool {
        let Woken { first, more } = {
            let mut state = self.state.borrow_mut();
            let woken = match event {
                HistoryEvent::ActivityCompleted { activity_id, result } => {
                    state.resolve(*activity_id, Resolution::Completed(result.clone()))
                }
                HistoryEvent::ActivityFailed { activity_id, failure, retry_at: None, .. } => {
                    state.resolve(*activity_id, Resolution::Failed(Box::new(failure.clone())))
                }
                HistoryEvent::ActivityCancelled { activity_id, .. } => {
                    state.resolve(*activity_id, Resolution::Cancelled)
                }
                HistoryEvent::TimerFired { timer_id } => {
                    state.resolve(*timer_id, Resolution::Fired)
                }
                HistoryEvent::SignalReceived { name, payload } => {
                    state.buffered_bytes += buffered_size(payload);
                    state.signals.entry(Arc::clone(name)).or_default().push_back(payload.clone());
                    let waiting = state.signal_waits.values_mut().filter(|wait| wait.name == *name);
                    waiting.filter_map(|wait| wait.waker.take()).collect::<Vec<_>>().into()
                }
                HistoryEvent::UpdateAccepted(update) => {
                    let UpdateAccepted { update_id, name, payload } = (**update).clone();
                    state.updates_mut().record(OfferedUpdate { update_id, name, payload }).into()
                }
                HistoryEvent::WorkflowCancelRequested => state.scopes.request().into(),
                HistoryEvent::ChildWorkflowStarted { child_id, run_id } => {
                    match state.starting.remove(child_id) {
                        true => state.resolve(*child_id, Resolution::Started(*run_id)),
                        false => Woken::default(),
                    }
                }
                HistoryEvent::ChildWorkflowCompleted { child_id: id, result } => {
                    state.resolve(*id, Resolution::Completed(result.clone()))
                }
                HistoryEvent::ChildWorkflowStartFailed { child_id: id, failure }
                | HistoryEvent::ExternalFailed { request_id: id, failure, .. } => {
                    state.starting.remove(id);
                    state.resolve(*id, Resolution::Failed(Box::new(failure.clone())))
                }
                HistoryEvent::ChildWorkflowFailed { child_id, failure } => {
                    state.end_child(*child_id, RunStatus::Failed, failure)
                }
                HistoryEvent::ChildWorkflowTerminated { child_id, failure } => {
                    state.end_child(*child_id, RunStatus::Terminated, failure)
                }
                HistoryEvent::ChildWorkflowTimedOut { child_id, failure } => {
                    state.end_child(*child_id, RunStatus::TimedOut, failure)
                }
                HistoryEvent::ChildWorkflowCancelled { child_id } => {
                    state.resolve(*child_id, Resolution::Cancelled)
                }
                HistoryEvent::ExternalDelivered { request_id, .. } => {
                    state.resolve(*request_id, Resolution::Fired)
                }
                HistoryEvent::WorkflowStarted(_) | HistoryEvent::StartDelayElapsed => {
                    state.begun = true;
                    Woken::default()
                }
                _ => return false,
            };
            state.now = at;
            state.seen_events += 1;
            state.seen_bytes += payload_bytes(event);
            woken
        };
        first.into_iter().chain(more).for_each(Waker::wake);
        self.state.borrow().begun
    }

    /// Lays an update before code that waits for its name; false when none does.
    pub(crate) fn offer(&self, update: OfferedUpdate, at: Timestamp) -> bool {
        let wakers = {
            let mut state = self.state.borrow_mut();
            if !state.awaits_update(&update.name) {
                return false;
            }
            let before = Before { now: state.now, random_calls: state.random_calls };
            state.now = at;
            state.updates_mut().offer(update, before)
        };
        wakers.into_iter().for_each(Waker::wake);
        true
    }

    /// What became of the offer, now that the poll is over. One that was not taken has left no
    /// trace.
    pub(crate) fn end_offer(&self) -> Offered {
        let mut state = self.state.borrow_mut();
        let (offered, before) = state.updates_mut().end_offer();
        if let (Offered::Rejected(_) | Offered::Left, Some(before)) = (&offered, before) {
            (state.now, state.random_calls) = (before.now, before.random_calls);
        }
        offered
    }

    /// The code is about to be led along a history of which this is known.
    pub(crate) fn foresee(&self, foresight: &super::Foresight) {
        let patches = super::patch::Patches::foreseen(foresight.patches.clone());
        self.state.borrow_mut().patches = Some(Box::new(patches));
    }

    /// Marks the time in which the code acts on what it has acted on before.
    pub(crate) fn set_replaying(&self, replaying: bool) {
        let mut state = self.state.borrow_mut();
        if let Some(patches) = &mut state.patches {
            patches.is_replaying = replaying;
            // Most runs never ask for one: nothing is kept of what they do not need.
            if !replaying && patches.is_empty() {
                state.patches = None;
            }
        }
    }

    /// What was accepted for the workflow and not taken by its code.
    pub(crate) fn leftovers(&self) -> Carried {
        let state = self.state.borrow();
        let signals = state.signals.iter().flat_map(|(name, payloads)| {
            payloads
                .iter()
                .map(|payload| SignalInput { name: name.to_string(), payload: payload.clone() })
        });
        Carried {
            signals: signals.collect(),
            cancel_requested: state.scopes.is_untaken(),
            ..Carried::default()
        }
    }

    /// Marks the time in which drops are meant.
    pub(crate) fn set_polling(&self, polling: bool) {
        self.state.borrow_mut().polling = polling;
    }

    /// Whether anything durable could wake the code.
    pub(crate) fn waits_for_something(&self) -> bool {
        let state = self.state.borrow();
        !state.signal_waits.is_empty()
            || state.updates.as_ref().is_some_and(|updates| updates.is_waiting())
            || !state.abandoned.is_empty()
            || state.slots.values().any(|slot| matches!(slot, Slot::Waiting(Some(_))))
    }

    /// Whether the code waits for a signal or an update.
    pub(crate) fn awaits_outside(&self) -> bool {
        let state = self.state.borrow();
        !state.signal_waits.is_empty()
            || state.updates.as_ref().is_some_and(|updates| updates.is_waiting())
    }

    /// The signals and updates that the code waits for, each name once.
    pub(crate) fn awaited(&self) -> Awaited {
        let state = self.state.borrow();
        let mut signals = BTreeMap::new();
        for wait in state.signal_waits.values() {
            signals.entry(Arc::clone(&wait.name)).or_insert(wait.since);
        }
        let updates = state.updates.as_ref().map(|updates| updates.awaited()).unwrap_or_default();
        Awaited { signals, updates }
    }
}

/// Bytes of what an event brings to the code.
fn payload_bytes(event: &HistoryEvent) -> u64 {
    let payload = match event {
        HistoryEvent::WorkflowStarted(started) => &started.input,
        HistoryEvent::ActivityCompleted { result: payload, .. }
        | HistoryEvent::ChildWorkflowCompleted { result: payload, .. }
        | HistoryEvent::SignalReceived { payload, .. } => payload,
        _ => return 0,
    };
    payload.as_bytes().len() as u64
}

/// What a buffered signal holds in memory, roughly.
fn buffered_size(payload: &Payload) -> u64 {
    const ENTRY: u64 = 64;
    ENTRY + payload.as_bytes().len() as u64
}
