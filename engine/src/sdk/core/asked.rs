//! What the code asks for, in the order in which it asks.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use crate::kernel::{ActivityOptions, ChildStart, ExternalRequest};
use crate::{Failure, Payload, Timestamp};

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

impl Asked {
    /// Events that come of it before anything comes back, and the bytes of their payloads.
    pub(super) fn weight(&self) -> (u64, u64) {
        match self {
            // It is scheduled and started.
            Self::ScheduleActivity { input, .. } => (2, input.as_bytes().len() as u64),
            Self::StartChild { start, .. } => (1, start.input.as_bytes().len() as u64),
            _ => (1, 0),
        }
    }
}
