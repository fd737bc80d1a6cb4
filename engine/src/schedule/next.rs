//! What a schedule does next, given what it is, what it remembers and what time it is.
//!
//! Invariant: an instant is dealt with once: started, buffered, or counted as skipped, dropped,
//! missed, refused or paused over; never passed in silence.

use super::Timetable;
use super::spec::{Overlap, ScheduleDefinition};
use super::state::{
    Closed, Firing, HeldUp, MAX_BUFFERED, MAX_RECENT, MAX_RUNNING, Occasion, Recent, Refused,
    RunRef, ScheduleState,
};
use crate::{RunId, RunStatus, Timestamp};

/// A schedule in memory.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) id: String,
    pub(crate) definition: ScheduleDefinition,
    pub(crate) timetable: Timetable,
    pub(crate) state: ScheduleState,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ScheduleStep {
    /// Start a run; the outcome is told by [`Schedule::started`] or [`Schedule::refused`].
    Start(Firing),
    /// Ask these runs to cancel.
    Cancel(Vec<RunRef>),
    /// Terminate these runs.
    Terminate(Vec<RunRef>),
    /// An instant was dealt with without anything to do.
    Counted,
    /// Nothing until then; nothing at all until something happens when there is no time.
    Wait(Option<Timestamp>),
}

impl Schedule {
    /// Decides one thing.
    pub(crate) fn next_step(&mut self, now: Timestamp) -> ScheduleStep {
        if let Some(firing) = self.take_buffered() {
            return ScheduleStep::Start(firing);
        }
        if let Some(firing) = self.next_of_backfill() {
            return self.arrive(firing, now);
        }
        if self.state.paused_at.is_some() || self.state.is_used_up() {
            return ScheduleStep::Wait(None);
        }
        let Some(scheduled_at) = self.state.next else { return ScheduleStep::Wait(None) };
        let due_at = self.timetable.due_at(&self.id, scheduled_at);
        if due_at > now {
            return ScheduleStep::Wait(Some(due_at));
        }
        self.pass(scheduled_at);
        if now.millis_since(due_at) > self.definition.catchup_window_ms {
            self.state.counters.missed += 1;
            self.state.last_missed_at = Some(scheduled_at);
            return ScheduleStep::Counted;
        }
        let overlap = self.definition.overlap;
        self.arrive(Firing { scheduled_at, occasion: Occasion::Due, overlap }, now)
    }

    /// What it will do without being asked, from now on: none while it is paused.
    pub(crate) fn upcoming(&self, count: usize) -> Vec<(Timestamp, Timestamp)> {
        let limit = match self.state.remaining {
            Some(remaining) => count.min(usize::try_from(remaining).unwrap_or(count)),
            None => count,
        };
        std::iter::successors(self.state.next, |at| self.timetable.next_after(*at))
            .take(limit)
            .map(|at| (at, self.timetable.due_at(&self.id, at)))
            .collect()
    }

    /// The instant is dealt with: the next one comes.
    pub(super) fn pass(&mut self, instant: Timestamp) {
        self.state.cursor = self.state.cursor.max(instant);
        self.state.next = self.timetable.next_after(instant);
    }

    /// The first waiting firing whose turn it is.
    fn take_buffered(&mut self) -> Option<Firing> {
        let paused = self.state.paused_at.is_some();
        let busy = self.state.is_busy();
        let free = |firing: &Firing| {
            (!busy || firing.overlap == Overlap::AllowAll)
                && !(paused && firing.occasion == Occasion::Due)
        };
        let place = self.state.buffer.iter().position(free)?;
        self.state.buffer.remove(place)
    }

    fn next_of_backfill(&mut self) -> Option<Firing> {
        while let Some(backfill) = self.state.backfills.front_mut() {
            let overlap = backfill.overlap.unwrap_or(self.definition.overlap);
            if overlap == Overlap::BufferAll && self.state.buffer.len() >= MAX_BUFFERED {
                // It goes on when there is room.
                return None;
            }
            let before = Timestamp::from_millis(backfill.from.as_millis() - 1);
            match self.timetable.next_after(before).filter(|at| *at <= backfill.to) {
                Some(scheduled_at) => {
                    backfill.from = scheduled_at.plus_millis(1);
                    return Some(Firing { scheduled_at, occasion: Occasion::Backfill, overlap });
                }
                None => drop(self.state.backfills.pop_front()),
            }
        }
        None
    }

    /// A firing has come: start it, let it wait, or count it.
    pub(super) fn arrive(&mut self, firing: Firing, now: Timestamp) -> ScheduleStep {
        if !self.state.is_busy() || firing.overlap == Overlap::AllowAll {
            self.use_up(&firing);
            return ScheduleStep::Start(firing);
        }
        match firing.overlap {
            Overlap::AllowAll | Overlap::Skip => self.skip(firing.scheduled_at),
            Overlap::BufferOne if self.state.buffer.is_empty() => self.buffer(firing, now),
            Overlap::BufferOne => self.skip(firing.scheduled_at),
            Overlap::BufferAll if self.state.buffer.len() < MAX_BUFFERED => {
                self.buffer(firing, now);
            }
            Overlap::BufferAll => self.state.counters.dropped += 1,
            Overlap::CancelOther => {
                self.supersede(firing, now);
                return self.end_running(ScheduleStep::Cancel);
            }
            Overlap::TerminateOther => {
                self.supersede(firing, now);
                return self.end_running(ScheduleStep::Terminate);
            }
        }
        ScheduleStep::Counted
    }

    fn skip(&mut self, scheduled_at: Timestamp) {
        self.state.counters.skipped += 1;
        self.hold_up(scheduled_at);
    }

    /// A run is in the way, and that shows.
    fn hold_up(&mut self, at: Timestamp) {
        let held_up =
            self.state.held_up.get_or_insert(HeldUp { count: 0, first_at: at, last_at: at });
        held_up.count += 1;
        held_up.last_at = held_up.last_at.max(at);
    }

    fn buffer(&mut self, firing: Firing, _now: Timestamp) {
        self.use_up(&firing);
        self.state.buffer.push_back(firing);
    }

    /// The newest firing replaces those that wait for the same end.
    fn supersede(&mut self, firing: Firing, now: Timestamp) {
        let waiting = self.state.buffer.len();
        self.state.buffer.retain(|waiting| {
            !matches!(waiting.overlap, Overlap::CancelOther | Overlap::TerminateOther)
        });
        for _ in self.state.buffer.len()..waiting {
            self.skip(firing.scheduled_at);
        }
        self.buffer(firing, now);
    }

    fn end_running(&mut self, step: impl FnOnce(Vec<RunRef>) -> ScheduleStep) -> ScheduleStep {
        let asked: Vec<RunRef> =
            self.state.running.iter().filter(|run| !run.asked_to_end).cloned().collect();
        for run in &mut self.state.running {
            run.asked_to_end = true;
        }
        if asked.is_empty() { ScheduleStep::Counted } else { step(asked) }
    }

    fn use_up(&mut self, firing: &Firing) {
        if firing.occasion == Occasion::Due
            && let Some(remaining) = &mut self.state.remaining
        {
            *remaining = remaining.saturating_sub(1);
        }
    }

    /// The run of a firing was started.
    pub(crate) fn started(
        &mut self,
        firing: &Firing,
        workflow_id: String,
        run_id: RunId,
        now: Timestamp,
    ) {
        let state = &mut self.state;
        let run = RunRef {
            workflow_id,
            run_id,
            scheduled_at: firing.scheduled_at,
            started_at: now,
            asked_to_end: false,
        };
        state.counters.started += 1;
        if let Some(refusal) = &mut state.last_refusal {
            refusal.is_over = true;
        }
        if state.recent.len() == MAX_RECENT {
            state.recent.pop_front();
        }
        state.recent.push_back(Recent { run: run.clone(), closed: None });
        match state.running.len() {
            MAX_RUNNING.. => state.more_running += 1,
            _ => state.running.push(run),
        }
    }

    /// The run of a firing could not be started.
    pub(crate) fn refused(&mut self, firing: &Firing, message: String, now: Timestamp) {
        let state = &mut self.state;
        state.counters.refused += 1;
        let scheduled_at = firing.scheduled_at;
        state.last_refusal = Some(Refused { scheduled_at, at: now, message, is_over: false });
        if firing.occasion == Occasion::Due
            && let Some(remaining) = &mut state.remaining
        {
            // Nothing ran, so nothing was used up.
            *remaining += 1;
        }
    }

    /// A run with the schedule's name on it has closed.
    pub(crate) fn run_closed(&mut self, run_id: RunId, status: RunStatus, now: Timestamp) {
        let state = &mut self.state;
        if let Some(recent) = state.recent.iter_mut().find(|recent| recent.run.run_id == run_id) {
            recent.closed = Some(Closed { status, at: now });
        }
        match state.running.iter().position(|run| run.run_id == run_id) {
            Some(place) => drop(state.running.remove(place)),
            None => state.more_running = state.more_running.saturating_sub(1),
        }
        if !state.is_busy() {
            state.held_up = None;
        }
    }
}

#[cfg(test)]
mod tests;
