//! What a workflow's code and its driver share: what was asked, what has come, who waits.
//!
//! Invariant: nothing in here depends on anything but the events delivered so far and the code, so
//! the same history leads to the same requests in the same order. A durable future that is dropped
//! cancels what it waited for only while the code is being polled; eviction, panic and shutdown
//! drop it outside a poll and cancel nothing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use serde::{Deserialize, Serialize};

use super::update_buffer::{Before, Offered, OfferedUpdate, UpdateBuffer};
use crate::kernel::{
    ActivityOptions, Carried, ChildStart, ExternalRequest, HistoryEvent, UpdateAccepted,
    WorkflowStarted,
};
use crate::{Failure, Payload, RunId, RunStatus, SignalInput, Timestamp};

/// The code of an inline step: called once for each attempt, on the workflow's own thread.
pub(crate) type InlineStep =
    Rc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Payload, Failure>>>>>;

/// Something that the code asked for, in the order in which it asked.
pub(crate) enum Asked {
    ScheduleActivity {
        activity_id: u32,
        activity_type: Arc<str>,
        input: Payload,
        options: Option<Box<ActivityOptions>>,
        inline: bool,
        location: &'static Location<'static>,
    },
    StartTimer {
        timer_id: u32,
        fires_at: Timestamp,
        location: &'static Location<'static>,
    },
    CancelActivity {
        activity_id: u32,
    },
    CancelTimer {
        timer_id: u32,
    },
    StartChild {
        child_id: u32,
        start: Box<ChildStart>,
        location: &'static Location<'static>,
    },
    CancelChild {
        child_id: u32,
    },
    AskExternal {
        request_id: u32,
        request: Box<ExternalRequest>,
        location: &'static Location<'static>,
    },
    CompleteUpdate {
        update_id: Arc<str>,
        outcome: Result<Payload, Box<Failure>>,
    },
    MarkPatch {
        patch_id: Arc<str>,
        deprecated: bool,
        location: &'static Location<'static>,
    },
    UpsertSearchAttributes {
        attributes: BTreeMap<String, Payload>,
        location: &'static Location<'static>,
    },
    UpsertMemo {
        memo: BTreeMap<String, Payload>,
        location: &'static Location<'static>,
    },
}

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

enum Slot {
    Waiting(Option<Waker>),
    Resolved(Resolution),
}

/// The shared state of one run's code.
pub(crate) struct Core {
    pub(crate) started: Arc<WorkflowStarted>,
    pub(crate) started_at: Timestamp,
    state: RefCell<State>,
}

pub(crate) struct State {
    /// When the event that is being acted on was recorded.
    pub(crate) now: Timestamp,
    pub(crate) random_calls: u64,
    /// Events that the code has caused or seen, and the bytes of their payloads.
    pub(crate) seen_events: u64,
    pub(crate) seen_bytes: u64,
    next_id: u32,
    next_wait: u64,
    pub(crate) asked: VecDeque<Asked>,
    slots: BTreeMap<u32, Slot>,
    signals: BTreeMap<Arc<str>, VecDeque<Payload>>,
    /// What those that nobody has taken yet hold in memory, roughly.
    pub(crate) buffered_bytes: u64,
    signal_waits: BTreeMap<u64, SignalWait>,
    /// Whether `signal_waits` changed since the driver last looked.
    pub(crate) waits_changed: bool,
    pub(crate) published: BTreeMap<&'static str, Payload>,
    pub(crate) inline_steps: BTreeMap<u32, InlineStep>,
    /// Children of which somebody waits for the start and not for the end.
    starting: BTreeSet<u32>,
    /// Generated ids of children that a run before this one's reset had asked for.
    pub(crate) recorded_ids: BTreeMap<u32, String>,
    polling: bool,
    /// The start delay, if any, is over. Before that events are kept, and the code is not run.
    begun: bool,
    pub(crate) scopes: super::cancel::Scopes,
    /// Activities and children that were dropped and have not ended yet.
    pub(crate) abandoned: BTreeSet<u32>,
    /// Made by the first update; most runs have none.
    updates: Option<Box<UpdateBuffer>>,
    /// None until the code asks for one or a replay knows of one.
    pub(crate) patches: Option<Box<super::patch::Patches>>,
}

/// Whom an event wakes: nearly always at most one.
#[derive(Default)]
struct Woken {
    first: Option<Waker>,
    more: Vec<Waker>,
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

struct SignalWait {
    name: Arc<str>,
    since: Timestamp,
    waker: Option<Waker>,
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

impl State {
    /// Wakers of whoever waits; an outcome that nobody waits for any more is dropped.
    fn resolve(&mut self, id: u32, resolution: Resolution) -> Woken {
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

    pub(super) fn updates_mut(&mut self) -> &mut UpdateBuffer {
        self.updates.get_or_insert_default()
    }

    /// Whether the code is being polled, so that what it does is meant.
    pub(super) const fn is_polling(&self) -> bool {
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

    fn end_child(&mut self, id: u32, status: RunStatus, failure: &Failure) -> Woken {
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

impl Asked {
    /// Events that come of it before anything comes back, and the bytes of their payloads.
    fn weight(&self) -> (u64, u64) {
        match self {
            // It is scheduled and started.
            Self::ScheduleActivity { input, .. } => (2, input.as_bytes().len() as u64),
            Self::StartChild { start, .. } => (1, start.input.as_bytes().len() as u64),
            _ => (1, 0),
        }
    }
}

pub(crate) fn store_waker(stored: &mut Option<Waker>, waker: &Waker) {
    match stored {
        Some(known) if known.will_wake(waker) => {}
        _ => *stored = Some(waker.clone()),
    }
}

/// What a buffered signal holds in memory, roughly.
fn buffered_size(payload: &Payload) -> u64 {
    const ENTRY: u64 = 64;
    ENTRY + payload.as_bytes().len() as u64
}
