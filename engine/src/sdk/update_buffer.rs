//! Updates on their way to the code that takes them.
//!
//! Live, the loop *offers* an update to code that waits for its name; the waiting future validates
//! it while it is polled, and takes it or turns it down. In replay only what was taken then is
//! *recorded*, and the future takes it unseen: validators never run in replay.
//!
//! Invariant: an offer lives for one poll. What nobody takes in it goes back to the loop.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use super::core::store_waker;
use crate::{Failure, Payload, Timestamp};

/// An update that code may take.
#[derive(Clone, Debug)]
pub(crate) struct OfferedUpdate {
    pub(crate) update_id: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) payload: Payload,
}

/// What an offer that is not taken must leave as it was.
#[derive(Clone, Copy)]
pub(super) struct Before {
    pub(super) now: Timestamp,
    pub(super) random_calls: u64,
}

/// What became of an offer.
pub(crate) enum Offered {
    /// The code took it.
    Accepted,
    /// The validator turned it down.
    Rejected(Box<Failure>),
    /// Nobody looked at it.
    Left,
}

/// An update that a future has found.
pub(super) enum Found {
    /// To be validated.
    Offered(OfferedUpdate),
    /// Taken before, as the history says.
    Recorded(OfferedUpdate),
}

/// The part of a run's shared state that is about updates.
#[derive(Default)]
pub(crate) struct UpdateBuffer {
    /// The update that may be taken in this poll.
    offer: Option<OfferedUpdate>,
    verdict: Option<Offered>,
    before: Option<Before>,
    /// Taken before, as the history says, and to be taken again.
    recorded: VecDeque<OfferedUpdate>,
    waits: BTreeMap<u64, UpdateWait>,
    next_wait: u64,
}

struct UpdateWait {
    name: &'static str,
    since: Timestamp,
    waker: Option<Waker>,
}

impl UpdateBuffer {
    /// Whether code waits for an update of that name.
    pub(crate) fn is_awaited(&self, name: &str) -> bool {
        self.waits.values().any(|wait| wait.name == name)
    }

    /// Whether code waits for any update.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waits.is_empty()
    }

    /// The names that code waits for, each with the instant since when.
    pub(super) fn awaited(&self) -> BTreeMap<Arc<str>, Timestamp> {
        let mut awaited = BTreeMap::new();
        for wait in self.waits.values() {
            awaited.entry(Arc::from(wait.name)).or_insert(wait.since);
        }
        awaited
    }

    /// Lays an update before the code; wakes who waits for its name.
    pub(super) fn offer(&mut self, update: OfferedUpdate, before: Before) -> Vec<Waker> {
        let wakers = self.wake(&update.name);
        (self.offer, self.verdict, self.before) = (Some(update), None, Some(before));
        wakers
    }

    /// What became of the offer, now that the poll is over.
    pub(super) fn end_offer(&mut self) -> (Offered, Option<Before>) {
        self.offer = None;
        (self.verdict.take().unwrap_or(Offered::Left), self.before.take())
    }

    /// The history says that the code took this update.
    pub(super) fn record(&mut self, update: OfferedUpdate) -> Vec<Waker> {
        let wakers = self.wake(&update.name);
        self.recorded.push_back(update);
        wakers
    }

    fn wake(&mut self, name: &str) -> Vec<Waker> {
        let waiting = self.waits.values_mut().filter(|wait| wait.name == name);
        waiting.filter_map(|wait| wait.waker.take()).collect()
    }

    /// The update that a future which waits for `name` finds.
    pub(super) fn find(&mut self, name: &str) -> Option<Found> {
        if let Some(at) = self.recorded.iter().position(|update| &*update.name == name) {
            return self.recorded.remove(at).map(Found::Recorded);
        }
        let offer = self.offer.take_if(|offer| &*offer.name == name)?;
        Some(Found::Offered(offer))
    }

    /// The validator's verdict on the offer that was found.
    pub(super) fn decide(&mut self, verdict: Offered) {
        self.verdict = Some(verdict);
    }

    /// Begins or goes on to wait; returns the wait's id.
    pub(super) fn wait(
        &mut self,
        wait: Option<u64>,
        name: &'static str,
        now: Timestamp,
        waker: &Waker,
    ) -> u64 {
        if let Some(id) = wait
            && let Some(known) = self.waits.get_mut(&id)
        {
            store_waker(&mut known.waker, waker);
            return id;
        }
        let id = self.next_wait;
        self.next_wait += 1;
        self.waits.insert(id, UpdateWait { name, since: now, waker: Some(waker.clone()) });
        id
    }

    /// Nobody waits under that id any more.
    pub(super) fn end_wait(&mut self, wait: u64) {
        self.waits.remove(&wait);
    }
}
