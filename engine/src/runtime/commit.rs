//! From the open batch to its effects: who commits it, when, and what follows.
//!
//! When little waits, the shard commits on its own thread; handing over to another would cost two
//! wake-ups. When much waits, the batch is handed over and the shard goes on, so that its work
//! overlaps with the sync. While a commit is in flight the open batch is held back, so that
//! everything that comes meanwhile shares the next sync.
//!
//! Invariant: effects are released in the order of the commits, each after its commit.

use std::sync::Arc;
use std::time::Duration;

use everstep_storage::{Batch, Commit, StoreError};

use super::effect::Effect;
use super::message::Message;
use super::namespace_deletion::Deletions;
use super::recovery::Recovery;
use super::shard::Shard;
use crate::{DEFAULT_NAMESPACE, Rejection};

/// Steps in the open batch from which on it is handed over, also in the middle of a turn: with
/// fewer, a turn is shorter than the hand-over is worth.
const SPLIT_STEPS: usize = 128;
/// The most that is reserved for the next batch, in bytes.
const LARGEST_ROOM: usize = 1 << 20;
/// The pause after the store refused because the disk is nearly full.
const FULL_PAUSE: Duration = Duration::from_secs(1);

/// A batch that was handed over.
pub(super) struct InFlight {
    turn: u64,
    effects: Vec<Effect>,
}

impl Shard {
    /// Hands the open batch over in the middle of a long turn.
    pub(super) fn split(&mut self) {
        if self.in_flight.is_none() && self.turn.steps >= SPLIT_STEPS {
            self.hand_over();
        }
    }

    /// Commits what the turn made, unless a commit is in flight.
    pub(super) fn flush(&mut self) {
        while self.in_flight.is_none() && self.stopped.is_none() {
            if self.turn.batch.is_empty() {
                // Only refusals and reads: they rest on what is durable.
                let effects = std::mem::take(&mut self.turn.effects);
                self.release(effects);
                return;
            }
            if self.turn.steps >= SPLIT_STEPS {
                self.hand_over();
                return;
            }
            let (batch, effects, turn) = self.close_turn();
            match self.inner.store.commit(batch) {
                Ok(_) => self.release_committed(turn, effects),
                Err(error) => self.commit_failed(&error, effects),
            }
            if self.inner.inbox.len() > 0 || !self.ended.is_empty() {
                return;
            }
        }
    }

    /// Commits the open batch on this thread; no commit is in flight.
    pub(super) fn commit_now(&mut self) {
        let (batch, effects, turn) = self.close_turn();
        match self.inner.store.commit(batch) {
            Ok(_) => self.release_committed(turn, effects),
            Err(error) => self.commit_failed(&error, effects),
        }
    }

    /// Attempts go on without their runs: where those are, only the runs could tell.
    fn remember_strays(&mut self) {
        for run_id in self.attempts.spawned_runs() {
            if let Some(resident) = self.residents.get(run_id)
                && &*resident.namespace != DEFAULT_NAMESPACE
            {
                self.strays.insert(run_id, Arc::clone(&resident.namespace));
            }
        }
    }

    pub(super) fn close_turn(&mut self) -> (Batch, Vec<Effect>, u64) {
        // The next turn is likely to be about as large as this one: let it not grow byte by byte.
        let room = (self.turn.batch.bytes() * 9 / 8).min(LARGEST_ROOM);
        self.turn.mailbox.write_rows(&mut self.turn.batch);
        self.turn.tally.write_rows(&mut self.turn.batch);
        let mut batch = std::mem::replace(&mut self.turn.batch, Batch::with_capacity(room));
        batch.fence(self.fence.clone());
        let effects = std::mem::take(&mut self.turn.effects);
        let number = self.turn.number;
        self.turn.number += 1;
        self.turn.steps = 0;
        self.inner.counters.turns.add(1);
        (batch, effects, number)
    }

    pub(super) fn hand_over(&mut self) {
        let (batch, effects, turn) = self.close_turn();
        self.in_flight = Some(InFlight { turn, effects });
        let inbox = Arc::clone(&self.inner.inbox);
        self.inner.store.submit(
            batch,
            Box::new(move |outcome| {
                // The loop waits for it, or it has ended and nobody does.
                let _ = inbox.push(Message::Committed(outcome));
            }),
        );
    }

    pub(super) fn committed(&mut self, outcome: Result<Commit, StoreError>) {
        let Some(InFlight { turn, effects }) = self.in_flight.take() else { return };
        match outcome {
            Ok(_) => self.release_committed(turn, effects),
            Err(error) => self.commit_failed(&error, effects),
        }
    }

    pub(super) fn release_committed(&mut self, turn: u64, effects: Vec<Effect>) {
        self.durable = turn;
        self.timers.durable(turn);
        self.recent_keys.durable(turn);
        self.app_rows.durable(turn);
        self.logs.durable(turn, &self.inner.positions);
        if !self.deleted.is_empty() {
            self.deleted.retain(|_, deleted_in| *deleted_in > turn);
        }
        // What was read before does not know of this commit.
        self.snapshot = None;
        let untold = self.inner.changes.is_watched()
            && !effects.iter().any(|effect| matches!(effect, Effect::Changed(_)));
        self.release(effects);
        if !self.afterwards.is_empty() {
            self.do_afterwards();
        }
        if untold {
            // Made before anyone watched: who came meanwhile has read the store without it.
            self.inner.changes.send(Vec::new());
        }
    }

    pub(super) fn release(&mut self, effects: Vec<Effect>) {
        if effects.is_empty() {
            return;
        }
        let runtime = self.runtime.clone();
        let mut changes = Vec::new();
        for effect in effects {
            match effect {
                Effect::AnswerStart(reply, answer) => drop(reply.send(answer)),
                Effect::Answer(reply, answer) => drop(reply.send(answer)),
                Effect::Namespace { reply, name, record } => {
                    self.inner.namespaces.apply(name, record.map(|record| *record));
                    drop(reply.send(Ok(())));
                }
                Effect::AnswerAppend(reply, answer) => drop(reply.send(answer)),
                Effect::AnswerSchedule(reply, answer) => drop(reply.send(answer)),
                Effect::AnswerWatch(reply, answer) => drop(reply.send(*answer)),
                Effect::AnswerReport(reply, answer) => drop(reply.send(answer)),
                Effect::AnswerClock(reply, now) => drop(reply.send(Ok(now))),
                Effect::AnswerUpdate(reply, answer) => drop(reply.send(*answer)),
                Effect::UpdateEnded { run_id, workflow_id, state } => {
                    self.tell_update(run_id, &workflow_id, &state);
                }
                Effect::Attempt { run_id, activity_id } => {
                    let _context = runtime.enter();
                    self.run_attempt(run_id, activity_id);
                }
                Effect::CancelAttempt { run_id, activity_id } => {
                    self.cancel_attempt(run_id, activity_id);
                }
                Effect::Closed(run_id, result) => {
                    self.residents.remove(run_id);
                    self.end_updates(run_id, &result);
                    self.tell_end(run_id, &result);
                }
                Effect::Changed(change) => changes.push(change),
                Effect::Announce(news) => news.send_replace(()),
                Effect::Span(span) => self.report_span(*span),
            }
        }
        if !changes.is_empty() {
            self.inner.changes.send(changes);
        }
    }

    /// Memory is ahead of the store by turns that never happened: forget it all, the store knows.
    pub(super) fn commit_failed(&mut self, error: &StoreError, effects: Vec<Effect>) {
        tracing::error!(%error, "a commit failed");
        let later = std::mem::take(&mut self.turn.effects);
        self.turn.batch.clear();
        self.turn.tally.clear();
        self.turn.steps = 0;
        refuse(effects, &Rejection::from(error.clone()));
        self.refuse_afterwards(&Rejection::from(error.clone()));
        match error {
            StoreError::Full { .. } => {
                refuse(later, &Rejection::from(error.clone()));
                self.remember_strays();
                self.residents.clear();
                self.timers.clear();
                self.deleted.clear();
                self.namespaces = self.inner.namespaces.all();
                self.deletions = Deletions::default();
                self.schedules.clear();
                self.recent_keys.clear();
                self.app_rows.clear();
                self.inner.registry.extensions.forget(None);
                self.logs.clear();
                self.turn.transactions.clear();
                self.turn.mailbox.forget();
                self.attempts.keep_spawned();
                self.forget_queued();
                self.ended.clear();
                self.snapshot = None;
                self.recovery = Recovery::after(FULL_PAUSE);
            }
            _ => {
                let reason = format!("the store stopped: {error}");
                // These were never handed to the store.
                refuse(later, &Rejection::Unavailable(reason.clone()));
                self.stop(reason);
            }
        }
    }
}

/// Tells everyone who waits for these effects that they will not happen.
pub(super) fn refuse(effects: Vec<Effect>, rejection: &Rejection) {
    for effect in effects {
        match effect {
            Effect::AnswerStart(reply, _) => drop(reply.send(Err(rejection.clone()))),
            Effect::Answer(reply, _) | Effect::Namespace { reply, .. } => {
                drop(reply.send(Err(rejection.clone())));
            }
            Effect::AnswerAppend(reply, _) => drop(reply.send(Err(rejection.clone()))),
            Effect::AnswerSchedule(reply, _) => drop(reply.send(Err(rejection.clone()))),
            Effect::AnswerWatch(reply, _) => drop(reply.send(Err(rejection.clone()))),
            Effect::AnswerReport(reply, _) => drop(reply.send(Err(rejection.clone()))),
            Effect::AnswerClock(reply, _) => drop(reply.send(Err(rejection.clone()))),
            Effect::AnswerUpdate(reply, _) => drop(reply.send(Err(rejection.clone()))),
            Effect::Attempt { .. }
            | Effect::CancelAttempt { .. }
            | Effect::UpdateEnded { .. }
            | Effect::Closed(..)
            | Effect::Changed(_)
            | Effect::Announce(_)
            | Effect::Span(_) => {}
        }
    }
}
