//! What is done to a run, in the model's words.

use everstep_engine::RunStatus;
use everstep_engine::kernel::{ActivityTimeout, ExternalKind};

#[derive(Clone, Debug)]
pub(crate) enum Move {
    ElapseDelay,
    Activity { id: u32, act: ActivityMove },
    Child { id: u32, act: ChildMove },
    Request { id: u32, act: RequestMove },
    SetTimer { id: u32 },
    Ring { id: u32 },
    Unset { id: u32 },
    Signal,
    TakeUpdate { id: &'static str },
    AnswerUpdate { id: &'static str },
    AskToCancel,
    Return,
    Err,
    EndCancelled,
    Continue,
    Terminate,
    Expire,
    Trip { why: &'static str },
    Recover,
    Pause,
    Resume,
    Patch { id: &'static str, deprecated: bool },
}

#[derive(Clone, Debug)]
pub(crate) enum ActivityMove {
    /// Ask for it: the most attempts, and the milliseconds that all of them may take.
    Schedule {
        most: Option<u32>,
        closes_in: Option<u64>,
    },
    Begin,
    Succeed {
        attempt: u32,
    },
    Fail {
        attempt: u32,
        kind: &'static str,
        for_good: bool,
    },
    TimeOut {
        timeout: ActivityTimeout,
    },
    HandOver {
        attempt: u32,
    },
    Withdraw,
    Acknowledge,
    Abandon,
}

#[derive(Clone, Debug)]
pub(crate) enum ChildMove {
    Ask { detached: bool },
    Begin,
    Refuse,
    Withdraw,
    Close { status: RunStatus },
}

#[derive(Clone, Debug)]
pub(crate) enum RequestMove {
    Ask { kind: ExternalKind },
    Deliver,
    Refuse,
}

impl Move {
    /// Whether somebody outside does it, who is told that a run has closed.
    pub(crate) const fn is_from_outside(&self) -> bool {
        matches!(
            self,
            Self::Signal | Self::AskToCancel | Self::Terminate | Self::Pause | Self::Resume
        )
    }
}
