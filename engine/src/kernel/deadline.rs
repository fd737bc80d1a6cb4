//! What ends an activity or one of its attempts if nothing else does.
//!
//! Invariant: a deadline is computed from the activity's state (and its last heartbeat) alone, so
//! whoever watches it, a process or a durable timer, can be replaced at any moment by another.

use super::{ActivityState, PendingActivity};
use crate::Timestamp;

/// Which of an activity's times has run out; the names follow Temporal's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityTimeout {
    /// It waited too long for its first, or next, attempt.
    ScheduleToStart,
    /// One attempt took too long.
    StartToClose,
    /// All attempts and the pauses between them took too long.
    ScheduleToClose,
    /// The attempt said nothing for too long.
    Heartbeat,
}

impl ActivityTimeout {
    /// The API's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScheduleToStart => "schedule_to_start",
            Self::StartToClose => "start_to_close",
            Self::ScheduleToClose => "schedule_to_close",
            Self::Heartbeat => "heartbeat",
        }
    }

    /// Whether another attempt cannot help: there would be no time for it, or nobody to run it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::ScheduleToStart | Self::ScheduleToClose)
    }
}

/// What is to happen at a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// A time has run out.
    Timeout(ActivityTimeout),
    /// The attempt was asked to end, and its grace is over: it is abandoned.
    Abandon,
}

type At = (Timestamp, Deadline);

impl PendingActivity {
    /// The deadline that the process which runs an attempt watches: it dies with the process.
    /// `heartbeat_at` is when the attempt was last heard of.
    pub fn attempt_deadline(&self, heartbeat_at: Option<Timestamp>) -> Option<At> {
        match self.state {
            ActivityState::Started(at) => earliest(self.while_running(at, heartbeat_at)),
            _ => None,
        }
    }

    /// The deadline that must hold whatever becomes of the process, so that it is a durable timer.
    pub fn durable_deadline(&self, heartbeat_at: Option<Timestamp>) -> Option<At> {
        let options = self.options();
        let waits_since = match self.state {
            ActivityState::Scheduled => Some(self.scheduled_at),
            ActivityState::BackingOff(at) => Some(at),
            ActivityState::Started(_) | ActivityState::HandedOver(_) => None,
        };
        let to_start = options
            .schedule_to_start_ms
            .and_then(|ms| Some(waits_since?.plus_millis(ms)))
            .map(|at| (at, Deadline::Timeout(ActivityTimeout::ScheduleToStart)));
        let to_close =
            self.closes_by().map(|at| (at, Deadline::Timeout(ActivityTimeout::ScheduleToClose)));
        let running = match self.state {
            ActivityState::HandedOver(at) => earliest(self.while_running(at, heartbeat_at)),
            _ => None,
        };
        earliest([running, to_close, to_start])
    }

    /// The instant after which no attempt may run.
    pub(super) fn closes_by(&self) -> Option<Timestamp> {
        let ms = self.options().schedule_to_close_ms?;
        Some(self.scheduled_at.plus_millis(ms))
    }

    fn while_running(
        &self,
        started_at: Timestamp,
        heartbeat_at: Option<Timestamp>,
    ) -> [Option<At>; 3] {
        let options = self.options();
        let to_close = started_at.plus_millis(options.start_to_close_ms);
        let heard_at = heartbeat_at.map_or(started_at, |at| at.max(started_at));
        let silent = options.heartbeat_ms.map(|ms| heard_at.plus_millis(ms));
        let abandoned = self.cancel_requested_at.map(|at| at.plus_millis(options.cancel_grace_ms));
        [
            Some((to_close, Deadline::Timeout(ActivityTimeout::StartToClose))),
            silent.map(|at| (at, Deadline::Timeout(ActivityTimeout::Heartbeat))),
            abandoned.map(|at| (at, Deadline::Abandon)),
        ]
    }
}

/// The first of several; of those at one instant, the first in the list.
fn earliest<const N: usize>(deadlines: [Option<At>; N]) -> Option<At> {
    deadlines.into_iter().flatten().min_by_key(|(at, _)| *at)
}
