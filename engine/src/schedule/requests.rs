//! What is asked of a schedule: be created, changed, paused, triggered, filled in.

use serde::{Deserialize, Serialize};

use super::Timetable;
use super::next::{Schedule, ScheduleStep};
use super::spec::{Overlap, ScheduleDefinition};
use super::state::{Firing, MAX_BACKFILLS, Occasion, ScheduleState};
use crate::{Rejection, RunId, Timestamp};

/// Instants of one backfill.
const MAX_BACKFILLED: usize = 10_000;
/// Instants that are counted when a pause ends; there may have been more.
const MAX_PAUSED_OVER: usize = 100_000;
/// Longest note, in bytes.
const MAX_NOTE_BYTES: usize = 4_096;

/// A schedule to create, or what it is to become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleInput {
    /// All that its owner decides.
    pub definition: ScheduleDefinition,
    /// It begins paused; when it exists, it stays as it is unless this says otherwise.
    pub paused: Option<bool>,
    /// For whoever reads it.
    pub note: Option<String>,
}

impl ScheduleInput {
    /// A number that changes with what is said: FNV-1a (64 bits) of its JSON.
    pub(crate) fn fingerprint(&self) -> u64 {
        let text = serde_json::to_vec(&(&self.definition, self.paused, &self.note));
        text.unwrap_or_default().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }
}

/// Firings of the past to make up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Backfill {
    /// The first instant that counts.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub from: Timestamp,
    /// The last instant that counts.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub to: Timestamp,
    /// What to do when a run is open; as the schedule says when absent.
    #[serde(default)]
    pub overlap: Option<Overlap>,
}

impl Schedule {
    /// A schedule that did not exist.
    pub(crate) fn create(
        id: String,
        input: ScheduleInput,
        uid: RunId,
        now: Timestamp,
    ) -> Result<Self, Rejection> {
        let ScheduleInput { definition, paused, note } = input;
        let timetable = Timetable::of(&definition.spec).map_err(Rejection::Unprocessable)?;
        let mut state = ScheduleState::new(uid, now);
        state.next = Some(first_after(&timetable, now)?);
        state.remaining = definition.limit;
        state.note = checked(note)?;
        state.paused_at = paused.unwrap_or(false).then_some(now);
        Ok(Self { id, definition, timetable, state })
    }

    /// Replaces what its owner decides. What was due before is dealt with by then.
    pub(crate) fn update(&mut self, input: ScheduleInput, now: Timestamp) -> Result<(), Rejection> {
        let ScheduleInput { definition, paused, note } = input;
        let timetable = Timetable::of(&definition.spec).map_err(Rejection::Unprocessable)?;
        let note = checked(note)?;
        // A firing that jitter holds back is kept if the new spec names it too.
        let held_back = self.state.next.filter(|next| {
            *next <= now
                && timetable.next_after(Timestamp::from_millis(next.as_millis() - 1)) == Some(*next)
        });
        let next = match held_back {
            Some(next) => next,
            None => first_after(&timetable, now.max(self.state.cursor))?,
        };
        let state = &mut self.state;
        if definition.limit != self.definition.limit {
            state.remaining = definition.limit;
        }
        state.updated_at = now;
        state.next = Some(next);
        state.note = note.or(state.note.take());
        match paused {
            Some(true) => drop(state.paused_at.get_or_insert(now)),
            Some(false) => state.paused_at = None,
            None => {}
        }
        self.definition = definition;
        self.timetable = timetable;
        Ok(())
    }

    /// Starts nothing of its own until it is resumed.
    pub(crate) fn pause(&mut self, note: Option<String>, now: Timestamp) -> Result<(), Rejection> {
        let note = checked(note)?;
        self.state.paused_at.get_or_insert(now);
        self.state.note = note.or(self.state.note.take());
        Ok(())
    }

    /// Goes on from now; what came meanwhile is counted.
    pub(crate) fn resume(&mut self, note: Option<String>, now: Timestamp) -> Result<(), Rejection> {
        let note = checked(note)?;
        self.state.note = note.or(self.state.note.take());
        if self.state.paused_at.take().is_none() {
            return Ok(());
        }
        for _ in 0..MAX_PAUSED_OVER {
            let Some(next) = self.state.next.filter(|next| *next <= now) else { return Ok(()) };
            self.state.counters.paused_over += 1;
            self.pass(next);
        }
        self.state.cursor = now;
        self.state.next = self.timetable.next_after(now);
        Ok(())
    }

    /// One more firing, now.
    pub(crate) fn trigger(&mut self, overlap: Option<Overlap>, now: Timestamp) -> ScheduleStep {
        let overlap = overlap.unwrap_or(self.definition.overlap);
        let firing = Firing { scheduled_at: now, occasion: Occasion::Trigger, overlap };
        self.arrive(firing, now)
    }

    /// Makes up firings of the past; gives back how many there are.
    pub(crate) fn backfill(
        &mut self,
        backfill: Backfill,
        now: Timestamp,
    ) -> Result<u64, Rejection> {
        let refuse = |message: String| Err(Rejection::Unprocessable(message));
        if backfill.from > backfill.to {
            return refuse(format!(
                "field `from` ({}) is later than field `to` ({})",
                backfill.from, backfill.to
            ));
        }
        if backfill.to > now {
            return refuse(format!(
                "field `to` ({}) lies in the future; a backfill makes up the past",
                backfill.to
            ));
        }
        if self.state.backfills.len() >= MAX_BACKFILLS {
            return refuse(format!(
                "{MAX_BACKFILLS} backfills of schedule `{}` are still to be done; wait for them",
                self.id
            ));
        }
        let mut count = 0;
        let mut at = Timestamp::from_millis(backfill.from.as_millis() - 1);
        while let Some(next) = self.timetable.next_after(at).filter(|next| *next <= backfill.to) {
            count += 1;
            at = next;
            if count > MAX_BACKFILLED {
                return refuse(format!(
                    "more than {MAX_BACKFILLED} firings lie between `from` and `to`; backfill in parts"
                ));
            }
        }
        if count > 0 {
            self.state.backfills.push_back(backfill);
        }
        Ok(count as u64)
    }
}

fn first_after(timetable: &Timetable, after: Timestamp) -> Result<Timestamp, Rejection> {
    timetable.next_after(after).ok_or_else(|| {
        Rejection::Unprocessable(format!("field `spec` names no instant after {after}"))
    })
}

fn checked(note: Option<String>) -> Result<Option<String>, Rejection> {
    match &note {
        Some(text) if text.len() > MAX_NOTE_BYTES => Err(Rejection::Unprocessable(format!(
            "field `note` has {} bytes; the limit is {MAX_NOTE_BYTES}",
            text.len()
        ))),
        _ => Ok(note),
    }
}
