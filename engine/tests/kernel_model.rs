//! The kernel against a model of it that was written from its documentation alone: random programs
//! of commands, and after each the same events, the same refusals and the same state.
//!
//! `EVERSTEP_MODEL_STEPS` plays more (a million where nothing is said), `EVERSTEP_MODEL_SEED` plays
//! one seed again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use everstep_engine::kernel::{
    ActivityOptions, ActivityState, Command, Recorded, RetryPolicy, Run, TaskFailure,
    TaskFailureKind, apply, decide,
};
use everstep_engine::testing::Scenario;
use everstep_engine::{
    Failure, HistoryEvent, Payload, RunStatus, Timestamp, Worker, Workflow, WorkflowContext,
};

const STEPS: u64 = 1_000_000;
const STEPS_A_PROGRAM: u64 = 60;
/// However slow the machine is.
const LONGEST: Duration = Duration::from_secs(30);

/// What a run is, as far as its documentation says.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    ended: Option<RunStatus>,
    delayed: bool,
    paused: bool,
    cancel_requested: bool,
    stuck: Option<String>,
    activities: BTreeMap<u32, Task>,
    timers: BTreeSet<u32>,
    patches: BTreeMap<String, bool>,
    length: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Task {
    attempt: u32,
    phase: Phase,
    withdrawn: bool,
    most: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Asked,
    Running,
    Outside,
    Pausing,
}

impl Task {
    fn runs(&self, attempt: u32) -> bool {
        matches!(self.phase, Phase::Running | Phase::Outside) && self.attempt == attempt
    }
}

/// What is done, in the model's words.
#[derive(Clone, Debug)]
enum Move {
    ElapseDelay,
    Schedule { id: u32, most: Option<u32> },
    Begin { id: u32 },
    Succeed { id: u32, attempt: u32 },
    Fail { id: u32, attempt: u32, kind: &'static str, for_good: bool },
    HandOver { id: u32, attempt: u32 },
    Withdraw { id: u32 },
    Acknowledge { id: u32 },
    SetTimer { id: u32 },
    Ring { id: u32 },
    Unset { id: u32 },
    Signal,
    AskToCancel,
    Return,
    Err,
    EndCancelled,
    Terminate,
    Expire,
    Trip { why: &'static str },
    Recover,
    Pause,
    Resume,
    Patch { id: &'static str, deprecated: bool },
}

impl Model {
    /// The names of the events that follow; none for a refusal.
    fn act(&mut self, action: &Move) -> Option<Vec<&'static str>> {
        let outside = matches!(
            action,
            Move::Signal | Move::AskToCancel | Move::Terminate | Move::Pause | Move::Resume
        );
        if self.ended.is_some() {
            return if outside { None } else { Some(Vec::new()) };
        }
        let events = self.happen(action);
        self.length += events.len() as u64;
        Some(events)
    }

    fn happen(&mut self, action: &Move) -> Vec<&'static str> {
        match *action {
            Move::ElapseDelay if std::mem::take(&mut self.delayed) => vec!["start_delay_elapsed"],
            Move::Schedule { id, most } => {
                let task = Task { attempt: 0, phase: Phase::Asked, withdrawn: false, most };
                self.activities.insert(id, task);
                vec!["activity_scheduled"]
            }
            Move::Begin { id } => {
                let paused = self.paused;
                match self.activities.get_mut(&id) {
                    Some(task) if !paused && !task.withdrawn && !task.runs(task.attempt) => {
                        task.attempt += 1;
                        task.phase = Phase::Running;
                        vec!["activity_started"]
                    }
                    _ => vec![],
                }
            }
            Move::Succeed { id, attempt } => match self.activities.get(&id) {
                Some(task) if task.runs(attempt) => {
                    self.activities.remove(&id);
                    vec!["activity_completed"]
                }
                _ => vec!["activity_result_late"],
            },
            Move::Fail { id, attempt, kind, for_good } => match self.activities.get_mut(&id) {
                Some(task) if task.runs(attempt) => {
                    let last = for_good
                        || kind == "fatal"
                        || task.withdrawn
                        || task.most.is_some_and(|most| attempt >= most);
                    match last {
                        true => drop(self.activities.remove(&id)),
                        false => task.phase = Phase::Pausing,
                    }
                    vec!["activity_failed"]
                }
                _ => vec!["activity_result_late"],
            },
            Move::HandOver { id, attempt } => match self.activities.get_mut(&id) {
                Some(task) if task.phase == Phase::Running && task.attempt == attempt => {
                    task.phase = Phase::Outside;
                    vec!["activity_handed_over"]
                }
                _ => vec![],
            },
            Move::Withdraw { id } => match self.activities.get_mut(&id) {
                Some(task) if !task.withdrawn => {
                    task.withdrawn = true;
                    vec!["activity_cancel_requested"]
                }
                _ => vec![],
            },
            Move::Acknowledge { id } => match self.activities.get(&id) {
                Some(task) if task.withdrawn => {
                    self.activities.remove(&id);
                    vec!["activity_cancelled"]
                }
                _ => vec![],
            },
            Move::SetTimer { id } => {
                self.timers.insert(id);
                vec!["timer_started"]
            }
            Move::Ring { id } if self.timers.remove(&id) => vec!["timer_fired"],
            Move::Unset { id } if self.timers.remove(&id) => vec!["timer_cancelled"],
            Move::Signal => vec!["signal_received"],
            Move::AskToCancel if !self.cancel_requested => {
                self.cancel_requested = true;
                match self.delayed {
                    true => {
                        self.end(RunStatus::Cancelled);
                        vec!["workflow_cancel_requested", "workflow_cancelled"]
                    }
                    false => vec!["workflow_cancel_requested"],
                }
            }
            Move::Return => self.close(RunStatus::Completed, "workflow_completed"),
            Move::Err => self.close(RunStatus::Failed, "workflow_failed"),
            Move::EndCancelled => self.close(RunStatus::Cancelled, "workflow_cancelled"),
            Move::Terminate => self.close(RunStatus::Terminated, "workflow_terminated"),
            Move::Expire => self.close(RunStatus::TimedOut, "workflow_timed_out"),
            Move::Trip { why } if self.stuck.as_deref() != Some(why) => {
                self.stuck = Some(why.to_owned());
                vec!["workflow_task_failed"]
            }
            Move::Recover if self.stuck.take().is_some() => vec!["workflow_task_recovered"],
            Move::Pause if !self.paused => {
                self.paused = true;
                vec!["workflow_paused"]
            }
            Move::Resume if self.paused => {
                self.paused = false;
                vec!["workflow_resumed"]
            }
            Move::Patch { id, deprecated } if !self.patches.contains_key(id) => {
                self.patches.insert(id.to_owned(), deprecated);
                vec!["patch_marked"]
            }
            _ => vec![],
        }
    }

    fn close(&mut self, status: RunStatus, event: &'static str) -> Vec<&'static str> {
        self.end(status);
        vec![event]
    }

    fn end(&mut self, status: RunStatus) {
        self.ended = Some(status);
        self.activities.clear();
        self.timers.clear();
        self.stuck = None;
        self.delayed = false;
        self.paused = false;
    }

    /// The same of the kernel's state.
    fn of(run: &Run) -> Self {
        let activities = run.activities.iter().map(|(&id, activity)| {
            let phase = match activity.state {
                ActivityState::Scheduled => Phase::Asked,
                ActivityState::Started(_) => Phase::Running,
                ActivityState::BackingOff(_) => Phase::Pausing,
                ActivityState::HandedOver(_) => Phase::Outside,
            };
            let task = Task {
                attempt: activity.attempt,
                phase,
                withdrawn: activity.cancel_requested_at.is_some(),
                most: activity.options().retry.max_attempts,
            };
            (id, task)
        });
        Self {
            ended: run.status.is_closed().then_some(run.status),
            delayed: run.delayed_until.is_some(),
            paused: run.status == RunStatus::Paused,
            cancel_requested: run.cancel_requested,
            stuck: run.task_failure.as_ref().map(|failure| failure.message.clone()),
            activities: activities.collect(),
            timers: run.timers.keys().copied().collect(),
            patches: run.patches.iter().map(|(id, flag)| (id.to_string(), *flag)).collect(),
            length: run.history_length,
        }
    }
}

/// The same in the kernel's words.
fn command(action: &Move, now: Timestamp) -> Command {
    match *action {
        Move::ElapseDelay => Command::ElapseStartDelay,
        Move::Schedule { id, most } => {
            let retry = RetryPolicy {
                max_attempts: most,
                non_retryable: vec!["fatal".into()],
                ..RetryPolicy::DEFAULT
            };
            Command::ScheduleActivity {
                activity_id: id,
                activity_type: "a".into(),
                input: Payload::null(),
                options: Some(Box::new(ActivityOptions { retry, ..ActivityOptions::DEFAULT })),
                inline: false,
            }
        }
        Move::Begin { id } => Command::RetryActivity { activity_id: id },
        Move::Succeed { id, attempt } => {
            Command::CompleteActivity { activity_id: id, attempt, result: Payload::null() }
        }
        Move::Fail { id, attempt, kind, for_good } => {
            let failure = Failure { non_retryable: for_good, ..Failure::new(kind, "") };
            Command::FailActivity { activity_id: id, attempt, failure }
        }
        Move::HandOver { id, attempt } => Command::HandOverActivity { activity_id: id, attempt },
        Move::Withdraw { id } => Command::CancelActivity { activity_id: id },
        Move::Acknowledge { id } => Command::AcknowledgeCancel { activity_id: id },
        Move::SetTimer { id } => Command::StartTimer { timer_id: id, fires_at: now },
        Move::Ring { id } => Command::FireTimer { timer_id: id },
        Move::Unset { id } => Command::CancelTimer { timer_id: id },
        Move::Signal => Command::Signal { name: "s".into(), payload: Payload::null() },
        Move::AskToCancel => Command::RequestCancel,
        Move::Return => Command::Complete { result: Payload::null() },
        Move::Err => Command::Fail { failure: Failure::new("x", "") },
        Move::EndCancelled => Command::Cancel,
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

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn small(&mut self) -> u32 {
        u32::try_from(self.roll(3)).unwrap() + 1
    }

    /// Ends are rare, so that programs are long.
    fn action(&mut self) -> Move {
        let (id, attempt) = (self.small(), self.small());
        match self.roll(200) {
            0..5 => Move::ElapseDelay,
            5..30 => Move::Schedule { id, most: [None, Some(1), Some(3)][self.roll(3) as usize] },
            30..70 => Move::Begin { id },
            70..80 => Move::Succeed { id, attempt },
            80..110 => {
                let kind = ["lost", "x", "fatal"][self.roll(3) as usize];
                Move::Fail { id, attempt, kind, for_good: self.roll(4) == 0 }
            }
            110..117 => Move::HandOver { id, attempt },
            117..124 => Move::Withdraw { id },
            124..131 => Move::Acknowledge { id },
            131..141 => Move::SetTimer { id },
            141..149 => Move::Ring { id },
            149..155 => Move::Unset { id },
            155..163 => Move::Signal,
            163..165 => Move::AskToCancel,
            165 => Move::Return,
            166 => Move::Err,
            167 => Move::EndCancelled,
            168 => Move::Terminate,
            169 => Move::Expire,
            170..177 => Move::Trip { why: ["a", "b"][self.roll(2) as usize] },
            177..183 => Move::Recover,
            183..188 => Move::Pause,
            188..194 => Move::Resume,
            _ => Move::Patch { id: ["p", "q"][self.roll(2) as usize], deprecated: attempt == 1 },
        }
    }
}

/// A first event as the engine records it.
fn start() -> Recorded {
    let worker =
        Worker::new().workflow(Workflow::new("model"), async |_: &WorkflowContext, (): ()| Ok(()));
    let played = Scenario::new(worker, Workflow::<(), ()>::new("model"), &()).play().unwrap();
    played.run().events[0].clone()
}

fn play(seed: u64, first: &Recorded) {
    let mut dice = Dice(seed);
    let mut first = first.clone();
    if let HistoryEvent::WorkflowStarted(started) = &mut first.event {
        std::sync::Arc::make_mut(started).start_delay_ms = (dice.roll(4) == 0).then_some(5);
    }
    let mut run = Run::begin(&first.event, first.at).unwrap();
    let mut model = Model { delayed: run.delayed_until.is_some(), length: 1, ..Model::default() };
    let mut history = vec![first.clone()];
    for step in 0..STEPS_A_PROGRAM {
        let action = dice.action();
        let now = first.at + Duration::from_millis(step);
        let expected = model.act(&action);
        let decided = decide(&run, command(&action, now), now);
        let found = decided
            .as_ref()
            .ok()
            .map(|events| events.iter().map(HistoryEvent::name).collect::<Vec<_>>());
        assert_eq!(found, expected, "seed {seed}, step {step}: {action:?}");
        for event in decided.into_iter().flatten() {
            apply(&mut run, &event, now);
            history.push(Recorded { at: now, event });
        }
        assert_eq!(Model::of(&run), model, "seed {seed}, step {step}: {action:?}");
    }
    // The state is the fold of the history and of nothing else, also of a stored one.
    let stored = postcard::to_stdvec(&history).unwrap();
    let history: Vec<Recorded> = postcard::from_bytes(&stored).unwrap();
    let mut folded = Run::begin(&history[0].event, history[0].at).unwrap();
    history[1..].iter().for_each(|recorded| apply(&mut folded, &recorded.event, recorded.at));
    assert_eq!(folded, run, "seed {seed}");
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn random_programs_go_as_the_model_says() {
    let first = start();
    if let Some(seed) = setting("EVERSTEP_MODEL_SEED") {
        return play(seed, &first);
    }
    let asked = setting("EVERSTEP_MODEL_STEPS");
    let programs = asked.unwrap_or(STEPS) / STEPS_A_PROGRAM;
    let (begun, mut played) = (Instant::now(), 0);
    let base: u64 = rand::random::<u64>() >> 1;
    // Asked for by number, it takes as long as it takes.
    while played < programs && (asked.is_some() || begun.elapsed() < LONGEST) {
        play(base + played, &first);
        played += 1;
    }
    let steps = played * STEPS_A_PROGRAM;
    println!("{steps} steps from seed {base} in {:?}", begun.elapsed());
    assert!(played > 100, "{played} programs");
}
