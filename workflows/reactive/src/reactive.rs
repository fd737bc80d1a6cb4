//! A row that is told of bit by bit, with what is expected in front of what is known.
//!
//! Invariant: an event counts once, whether it comes before the row that holds it, after it, or
//! twice.

use std::collections::BTreeMap;
use std::fmt;

use super::{Durable, Merged, Notice, merge};

/// How long an expectation is shown of which nothing is heard, in milliseconds.
pub const PATIENCE_MS: u64 = 30_000;

/// What becomes of a row by an event, or why that cannot be said.
pub type Evolve<S, E> = dyn Fn(Option<S>, &E) -> Result<Option<S>, String> + Send + Sync;

/// An event that is known to have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened<E> {
    /// Its place among all events.
    pub position: u64,
    /// Its id.
    pub id: String,
    /// What led to it, such as a command's id.
    pub cause: Option<String>,
    /// What it says.
    pub event: E,
}

/// An event after the checkpoint.
struct Pending<E> {
    id: String,
    event: E,
    expected: Option<Expectation>,
}

/// What is known of an event that has not happened yet, as far as anybody here knows.
#[derive(Clone, Copy)]
struct Expectation {
    since_ms: u64,
    /// Its position is what a server has said, and not a guess.
    is_placed: bool,
}

/// A durable row, the events after it, and what is expected to come.
pub struct Reactive<S, E> {
    durable: Durable<S>,
    pending: BTreeMap<u64, Pending<E>>,
    /// The newest position that was heard of.
    newest: u64,
    evolve: Box<Evolve<S, E>>,
}

impl<S: Clone, E> Reactive<S, E> {
    /// A row that nothing is pending of.
    pub fn new(
        durable: Durable<S>,
        evolve: impl Fn(Option<S>, &E) -> Result<Option<S>, String> + Send + Sync + 'static,
    ) -> Self {
        let newest = durable.position;
        Self { durable, pending: BTreeMap::new(), newest, evolve: Box::new(evolve) }
    }

    /// The row with all that is pending.
    pub fn merged(&self) -> Merged<S> {
        let events = self.pending.iter().map(|(position, pending)| (*position, pending));
        merge(self.durable.clone(), events, |state, pending: &&Pending<E>| {
            let next = (self.evolve)(state.clone(), &pending.event);
            match pending.expected {
                // One that makes no sense any more changes nothing, and holds nothing up.
                Some(_) => Ok(next.unwrap_or(state)),
                None => next,
            }
        })
    }

    /// The newest position that was heard of: where to follow on from.
    pub const fn newest_position(&self) -> u64 {
        self.newest
    }

    /// The position at which the next expectation will be.
    pub fn next_position(&self) -> u64 {
        let last = self.pending.last_key_value().map_or(0, |(position, _)| *position);
        self.newest.max(last) + 1
    }

    /// Shows an event before it has happened: `id` is that of the command that is to lead to it, or
    /// the event's own. Answers the position at which it is expected: the next one.
    pub fn expect(&mut self, id: impl Into<String>, event: E, now_ms: u64) -> u64 {
        let position = self.next_position();
        let expected = Some(Expectation { since_ms: now_ms, is_placed: false });
        self.pending.insert(position, Pending { id: id.into(), event, expected });
        position
    }

    /// The server has answered that what is expected stands at `position`.
    pub fn answered(&mut self, id: &str, position: u64) -> Option<Notice> {
        let at = self.expected_at(id)?;
        let mut pending = self.pending.remove(&at)?;
        let id = pending.id.clone();
        if position <= self.durable.position {
            return Some(Notice::Confirmed { id, position });
        }
        match self.pending.get(&position) {
            // It was told of before it was answered.
            Some(other) if other.expected.is_none() => Some(Notice::Confirmed { id, position }),
            _ => {
                if let Some(expected) = &mut pending.expected {
                    expected.is_placed = true;
                }
                // Another expectation that was guessed to be there makes room.
                if let Some(guess) = self.pending.insert(position, pending) {
                    let at = self.free_after(position);
                    self.pending.insert(at, guess);
                }
                None
            }
        }
    }

    /// What was to lead to an expected event was refused: it is not shown any more.
    pub fn refused(&mut self, id: &str) -> Option<Notice> {
        let at = self.expected_at(id)?;
        let Pending { id, .. } = self.pending.remove(&at)?;
        Some(Notice::Refused { id })
    }

    /// Takes an event in that has happened. One that is known already changes nothing.
    pub fn happened(&mut self, happened: Happened<E>) -> Vec<Notice> {
        let Happened { position, id, cause, event } = happened;
        self.newest = self.newest.max(position);
        let mut notices = Vec::new();
        let own = self.expected_at(&id).or_else(|| self.expected_at(cause.as_deref()?));
        if let Some(expected) = own.and_then(|at| self.pending.remove(&at)) {
            notices.push(Notice::Confirmed { id: expected.id, position });
        }
        if position <= self.durable.position {
            return notices;
        }
        let found = id.clone();
        let known = self.pending.insert(position, Pending { id, event, expected: None });
        if let Some(Pending { id, expected: Some(_), .. }) = known {
            notices.push(Notice::Conflict { id, position, found });
        }
        notices
    }

    /// The durable rows hold every event up to `position`, all of which have been told.
    pub fn is_durable(&mut self, position: u64) -> Vec<Notice> {
        self.newest = self.newest.max(position);
        if position <= self.durable.position {
            return Vec::new();
        }
        let mut notices = Vec::new();
        let later = self.pending.split_off(&(position + 1));
        for (at, pending) in std::mem::replace(&mut self.pending, later) {
            match pending.expected {
                // It stands where nobody looked for it: the row holds it.
                Some(Expectation { is_placed: true, .. }) => {
                    notices.push(Notice::Confirmed { id: pending.id, position: at });
                }
                // Whoever has taken the place was another row's business. It is still to come.
                Some(_) => {
                    let at = self.free_after(position);
                    self.pending.insert(at, pending);
                }
                None => {
                    // What the code refuses here it has refused there: the row stands before it.
                    if let Ok(next) = (self.evolve)(self.durable.state.clone(), &pending.event) {
                        (self.durable.state, self.durable.changed_at) = (next, at);
                    }
                }
            }
        }
        self.durable.position = position;
        notices
    }

    /// Begins anew from a row and all events after it up to `newest`, as after an outage: keeps the
    /// expectations that nothing speaks against.
    pub fn begin_again(
        &mut self,
        durable: Durable<S>,
        events: impl IntoIterator<Item = Happened<E>>,
        newest: u64,
    ) -> Vec<Notice> {
        self.pending.retain(|_, pending| pending.expected.is_some());
        self.durable = durable;
        let mut notices = Vec::new();
        let durable = self.durable.position;
        let settled = |at: &u64, pending: &Pending<E>| {
            *at <= durable && pending.expected.is_some_and(|expected| expected.is_placed)
        };
        for (position, pending) in self.pending.extract_if(.., |at, pending| settled(at, pending)) {
            notices.push(Notice::Confirmed { id: pending.id, position });
        }
        // By which events the row has changed is not told any more: a guess within it is not believed.
        let changed_at = self.durable.changed_at;
        for (position, pending) in self.pending.extract_if(..=changed_at, |_, _| true) {
            let found = format!("a change up to {changed_at}");
            notices.push(Notice::Conflict { id: pending.id, position, found });
        }
        notices.extend(events.into_iter().flat_map(|event| self.happened(event)));
        self.newest = self.newest.max(newest).max(durable);
        let behind: Vec<u64> = self.pending.range(..=durable).map(|(at, _)| *at).collect();
        for at in behind {
            if let Some(pending) = self.pending.remove(&at) {
                let at = self.free_after(self.newest);
                self.pending.insert(at, pending);
            }
        }
        notices
    }

    /// Takes back what nothing was heard of for longer than `patience_ms`, which is
    /// [`PATIENCE_MS`] unless somebody has a reason.
    pub fn expire(&mut self, now_ms: u64, patience_ms: u64) -> Vec<Notice> {
        let is_old = |pending: &Pending<E>| {
            let since = pending.expected.map(|expected| expected.since_ms);
            since.is_some_and(|since| now_ms.saturating_sub(since) > patience_ms)
        };
        let old = self.pending.extract_if(.., |_, pending| is_old(pending));
        old.map(|(_, Pending { id, .. })| Notice::Expired { id }).collect()
    }

    /// When the oldest expectation was made, if there is one.
    pub fn expects_since(&self) -> Option<u64> {
        self.pending.values().filter_map(|pending| Some(pending.expected?.since_ms)).min()
    }

    fn expected_at(&self, id: &str) -> Option<u64> {
        let mut all = self.pending.iter();
        let own = all.find(|(_, pending)| pending.expected.is_some() && pending.id == id);
        own.map(|(at, _)| *at)
    }

    fn free_after(&self, position: u64) -> u64 {
        let mut at = position + 1;
        while self.pending.contains_key(&at) {
            at += 1;
        }
        at
    }
}

impl<S, E> fmt::Debug for Reactive<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactive")
            .field("durable_position", &self.durable.position)
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
