//! Random programs, and the same in the kernel's words.

use std::sync::Arc;

use everstep_engine::kernel::{
    ActivityOptions, ActivityTimeout, Answer, Carried, ChildStart, Command, Continuation,
    ExternalAsk, ExternalKind, ExternalRequest, PendingChild, Recorded, RetryPolicy, Run,
    TaskFailure, TaskFailureKind, UpdateAccepted, UpdateCompleted,
};
use everstep_engine::{
    ClosePolicy, Failure, HistoryEvent, IdReuse, OnConflict, Payload, RunId, RunStatus,
    SignalInput, Timestamp,
};

use crate::moves::{ActivityMove, ChildMove, Move, RequestMove};

pub(crate) fn command(action: &Move, now: Timestamp) -> Command {
    match *action {
        Move::ElapseDelay => Command::ElapseStartDelay,
        Move::Activity { id, ref act } => activity_command(id, act),
        Move::Child { id, ref act } => child_command(id, act),
        Move::Request { id, ref act } => request_command(id, act),
        Move::SetTimer { id } => Command::StartTimer { timer_id: id, fires_at: now },
        Move::Ring { id } => Command::FireTimer { timer_id: id },
        Move::Unset { id } => Command::CancelTimer { timer_id: id },
        Move::Signal => Command::Signal { name: "s".into(), payload: Payload::null() },
        Move::TakeUpdate { id } => Command::AcceptUpdate(Box::new(UpdateAccepted {
            update_id: id.into(),
            name: "u".into(),
            payload: Payload::null(),
        })),
        Move::AnswerUpdate { id } => Command::CompleteUpdate(Box::new(UpdateCompleted {
            update_id: id.into(),
            outcome: Ok(Payload::null()),
        })),
        Move::AskToCancel => Command::RequestCancel,
        Move::Return => Command::Complete { result: Payload::null() },
        Move::Err => Command::Fail { failure: Failure::new("x", "") },
        Move::EndCancelled => Command::Cancel,
        Move::Continue => Command::ContinueAsNew { new_run_id: NEXT, input: Payload::null() },
        Move::Terminate => Command::Terminate { reason: "r".into() },
        Move::Expire => Command::TimeOut,
        Move::Trip { why } => Command::FailTask(Box::new(TaskFailure {
            kind: TaskFailureKind::Panic,
            message: why.into(),
            event_id: None,
            recorded: None,
            asked: None,
            location: None,
            at: now,
        })),
        Move::Recover => Command::RecoverTask,
        Move::Pause => Command::Pause { reason: "r".into() },
        Move::Resume => Command::Resume,
        Move::Patch { id, deprecated } => Command::MarkPatch { patch_id: id.into(), deprecated },
    }
}

const NEXT: RunId = RunId::from_bytes([9; 16]);

fn activity_command(activity_id: u32, act: &ActivityMove) -> Command {
    match *act {
        ActivityMove::Schedule { most, closes_in } => {
            let retry = RetryPolicy {
                max_attempts: most,
                non_retryable: vec!["fatal".into()],
                jitter_percent: 0,
                ..RetryPolicy::DEFAULT
            };
            let options = ActivityOptions {
                retry,
                schedule_to_close_ms: closes_in,
                ..ActivityOptions::DEFAULT
            };
            Command::ScheduleActivity {
                activity_id,
                activity_type: "a".into(),
                input: Payload::null(),
                options: Some(Box::new(options)),
                inline: false,
            }
        }
        ActivityMove::Begin => Command::RetryActivity { activity_id },
        ActivityMove::Succeed { attempt } => {
            Command::CompleteActivity { activity_id, attempt, result: Payload::null() }
        }
        ActivityMove::Fail { attempt, kind, for_good } => {
            let failure = Failure { non_retryable: for_good, ..Failure::new(kind, "") };
            Command::FailActivity { activity_id, attempt, failure }
        }
        ActivityMove::TimeOut { timeout } => {
            Command::TimeOutActivity { activity_id, timeout, last_heartbeat: None }
        }
        ActivityMove::HandOver { attempt } => Command::HandOverActivity { activity_id, attempt },
        ActivityMove::Withdraw => Command::CancelActivity { activity_id },
        ActivityMove::Acknowledge => Command::AcknowledgeCancel { activity_id },
        ActivityMove::Abandon => Command::AbandonActivity { activity_id },
    }
}

/// An answer whose asker is not compared: the model resets nothing.
fn answer(answer: Answer) -> Command {
    Command::TakeAnswer { answer: Box::new(answer), asked_by: None }
}

fn child_command(child_id: u32, act: &ChildMove) -> Command {
    match *act {
        ChildMove::Ask { detached } => {
            let start = ChildStart {
                workflow_id: "c".into(),
                workflow_type: "t".into(),
                input: Payload::null(),
                detached,
                close_policy: ClosePolicy::Cancel,
                id_reuse: IdReuse::default(),
                on_conflict: OnConflict::default(),
                start_delay_ms: None,
                execution_timeout_ms: None,
                memo: None,
                search_attributes: Default::default(),
                signal: None,
            };
            Command::InitiateChild { child_id, start: Box::new(start) }
        }
        ChildMove::Begin => answer(Answer::Started { child_id, run_id: NEXT }),
        ChildMove::Refuse => {
            answer(Answer::StartFailed { child_id, failure: Failure::new("taken", "") })
        }
        ChildMove::Withdraw => Command::CancelChild { child_id },
        ChildMove::Close { status } => {
            answer(Answer::Closed { child_id, run_id: NEXT, status, result: None, failure: None })
        }
    }
}

fn request_command(request_id: u32, act: &RequestMove) -> Command {
    match *act {
        RequestMove::Ask { kind } => {
            let signal = SignalInput { name: "s".into(), payload: Payload::null() };
            let ask = match kind {
                ExternalKind::Signal => ExternalAsk::Signal(signal),
                ExternalKind::Cancel => ExternalAsk::Cancel,
                ExternalKind::Terminate => ExternalAsk::Terminate { reason: "r".into() },
            };
            let request = ExternalRequest { workflow_id: "w".into(), run_id: None, ask };
            Command::RequestExternal { request_id, request: Box::new(request) }
        }
        RequestMove::Deliver => answer(Answer::Delivered { request_id }),
        RequestMove::Refuse => {
            let failure = Failure::new("not_found", "");
            answer(Answer::Refused { request_id, failure })
        }
    }
}

/// The first event of what a run continues as: its open children go along.
pub(crate) fn successor(before: &Run, now: Timestamp) -> Recorded {
    let mut started = (*before.started).clone();
    let children = before.children.iter().filter(|(_, child)| !child.detached);
    let carried = Carried {
        children: children
            // What is stored does not say who asked.
            .map(|(&id, child)| (id, PendingChild { asked_by: None, ..(**child).clone() }))
            .collect(),
        ..Carried::default()
    };
    started.continued = Some(Box::new(Continuation {
        first_run_id: started.first_run_id(),
        chain_started_at: before.started_at,
        continued_from: started.run_id,
        run_number: started.run_number() + 1,
        carried,
    }));
    started.run_id = NEXT;
    started.start_delay_ms = None;
    Recorded { at: now, event: HistoryEvent::WorkflowStarted(Arc::new(started)) }
}

/// SplitMix64.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn one_of<T: Copy, const N: usize>(&mut self, choice: [T; N]) -> T {
        choice[usize::try_from(self.roll(N as u64)).unwrap()]
    }

    fn small(&mut self) -> u32 {
        self.one_of([1, 2, 3])
    }

    /// One in four begins later.
    pub(crate) fn first_event(&mut self, first: &Recorded) -> Recorded {
        let mut first = first.clone();
        if let HistoryEvent::WorkflowStarted(started) = &mut first.event {
            Arc::make_mut(started).start_delay_ms = (self.roll(4) == 0).then_some(5);
        }
        first
    }

    /// Ends are rare, so that programs are long.
    pub(crate) fn action(&mut self) -> Move {
        let id = self.small();
        match self.roll(200) {
            0..4 => Move::ElapseDelay,
            4..90 => Move::Activity { id, act: self.activity() },
            90..122 => Move::Child { id, act: self.child() },
            122..136 => Move::Request { id, act: self.request() },
            136..142 => Move::SetTimer { id },
            142..147 => Move::Ring { id },
            147..151 => Move::Unset { id },
            151..156 => Move::Signal,
            156..161 => Move::TakeUpdate { id: self.one_of(["1", "2"]) },
            161..167 => Move::AnswerUpdate { id: self.one_of(["1", "2"]) },
            167..169 => Move::AskToCancel,
            169 => Move::Return,
            170 => Move::Err,
            171 => Move::EndCancelled,
            172 => Move::Terminate,
            173 => Move::Expire,
            174..176 => Move::Continue,
            176..181 => Move::Trip { why: self.one_of(["a", "b"]) },
            181..186 => Move::Recover,
            186..190 => Move::Pause,
            190..195 => Move::Resume,
            _ => {
                let id = self.one_of(["p", "q"]);
                Move::Patch { id, deprecated: self.roll(2) == 0 }
            }
        }
    }

    fn activity(&mut self) -> ActivityMove {
        let attempt = self.small();
        match self.roll(86) {
            0..18 => ActivityMove::Schedule {
                most: self.one_of([None, Some(1), Some(3)]),
                closes_in: self.one_of([None, None, Some(1_500), Some(4_000)]),
            },
            18..42 => ActivityMove::Begin,
            42..49 => ActivityMove::Succeed { attempt },
            49..64 => {
                let kind = self.one_of(["lost", "x", "fatal"]);
                ActivityMove::Fail { attempt, kind, for_good: self.roll(4) == 0 }
            }
            64..69 => ActivityMove::TimeOut {
                timeout: self.one_of([
                    ActivityTimeout::StartToClose,
                    ActivityTimeout::Heartbeat,
                    ActivityTimeout::ScheduleToClose,
                    ActivityTimeout::ScheduleToStart,
                ]),
            },
            69..75 => ActivityMove::HandOver { attempt },
            75..80 => ActivityMove::Withdraw,
            80..83 => ActivityMove::Acknowledge,
            _ => ActivityMove::Abandon,
        }
    }

    fn child(&mut self) -> ChildMove {
        match self.roll(32) {
            0..11 => ChildMove::Ask { detached: self.roll(4) == 0 },
            11..19 => ChildMove::Begin,
            19..21 => ChildMove::Refuse,
            21..25 => ChildMove::Withdraw,
            _ => ChildMove::Close {
                status: self.one_of([
                    RunStatus::Completed,
                    RunStatus::Failed,
                    RunStatus::Cancelled,
                    RunStatus::TimedOut,
                    RunStatus::Terminated,
                ]),
            },
        }
    }

    fn request(&mut self) -> RequestMove {
        match self.roll(14) {
            0..6 => RequestMove::Ask {
                kind: self.one_of([
                    ExternalKind::Signal,
                    ExternalKind::Cancel,
                    ExternalKind::Terminate,
                ]),
            },
            6..11 => RequestMove::Deliver,
            _ => RequestMove::Refuse,
        }
    }
}
