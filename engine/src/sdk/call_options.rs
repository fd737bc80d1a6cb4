//! How an activity is to be run, as a constant beside its name.
//!
//! Invariant: what nobody set is not journaled; [`ActivityOptions::DEFAULT`] says what holds then.

use std::time::Duration;

use super::Retry;
use crate::kernel::ActivityOptions;
use crate::queue::{Dispatch, Priority};

/// What was set; none means the default.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallOptions {
    pub(crate) start_to_close: Option<Duration>,
    pub(crate) schedule_to_close: Option<Duration>,
    pub(crate) schedule_to_start: Option<Duration>,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) cancel_grace: Option<Duration>,
    pub(crate) retry: Option<Retry>,
    pub(crate) queue: Option<&'static str>,
    pub(crate) priority: Option<Priority>,
}

impl CallOptions {
    pub(crate) const DEFAULT: Self = Self {
        start_to_close: None,
        schedule_to_close: None,
        schedule_to_start: None,
        heartbeat: None,
        cancel_grace: None,
        retry: None,
        queue: None,
        priority: None,
    };

    /// The options to journal; none when they are the defaults.
    pub(crate) fn journaled(&self) -> Option<Box<ActivityOptions>> {
        let Self {
            start_to_close: None,
            schedule_to_close: None,
            schedule_to_start: None,
            heartbeat: None,
            cancel_grace: None,
            retry: None,
            queue: None,
            priority: None,
        } = self
        else {
            let defaults = ActivityOptions::DEFAULT;
            return Some(Box::new(ActivityOptions {
                start_to_close_ms: self.start_to_close.map_or(defaults.start_to_close_ms, millis),
                retry: self.retry.map_or(defaults.retry, |retry| retry.policy()),
                schedule_to_close_ms: self.schedule_to_close.map(millis),
                schedule_to_start_ms: self.schedule_to_start.map(millis),
                heartbeat_ms: self.heartbeat.map(millis),
                dispatch: self.dispatch(),
                cancel_grace_ms: self.cancel_grace.map_or(defaults.cancel_grace_ms, millis),
                transaction: false,
            }));
        };
        None
    }
}

impl CallOptions {
    fn dispatch(&self) -> Option<Box<Dispatch>> {
        (self.queue.is_some() || self.priority.is_some()).then(|| {
            let dispatch = self.queue.map_or_else(Dispatch::new, Dispatch::to);
            Box::new(Dispatch { priority: self.priority.unwrap_or(Priority::DEFAULT), ..dispatch })
        })
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
