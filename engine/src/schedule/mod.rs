//! Schedules, the pure part: which instants a spec names, and what a firing does.
//!
//! ```text
//! spec ──► timetable: the next instant after this one, and how late jitter makes it
//! definition + state + now ──► schedule.next_step: start this, cancel that, or wait until then
//! ```
//!
//! Invariant: no clock, disk, randomness or async. The same state at the same time does the same,
//! so what is written with a start says exactly once that it happened.

mod calendar;
mod field;
mod next;
mod requests;
mod spec;
mod state;
mod timetable;

pub use calendar::CalendarSpec;
pub(crate) use next::{Schedule, ScheduleStep};
pub use requests::{Backfill, ScheduleInput};
pub use spec::{
    DEFAULT_CATCHUP_WINDOW_MS, Overlap, ScheduleAction, ScheduleDefinition, ScheduleSpec,
};
pub use state::ScheduleCounters;
pub(crate) use state::{Firing, MAX_BUFFERED, Occasion, Recent, RunRef, ScheduleState};
pub(crate) use timetable::Timetable;
