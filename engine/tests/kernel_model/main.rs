//! The kernel against a model of it that was written from its documentation alone: random programs
//! of commands, and after each the same events, the same refusals and the same state. A run that
//! continues as new is followed into its successor.
//!
//! `EVERSTEP_MODEL_STEPS` plays more (a million where nothing is said), `EVERSTEP_MODEL_SEED` plays
//! one seed again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod activities;
mod model;
mod moves;
mod program;
mod relations;

use std::time::{Duration, Instant};

use everstep_engine::kernel::{Recorded, Run, apply, decide};
use everstep_engine::testing::Scenario;
use everstep_engine::{HistoryEvent, RunStatus, Worker, Workflow, WorkflowContext};

use model::Model;
use moves::Move;
use program::{Dice, command};

const STEPS: u64 = 1_000_000;
const STEPS_A_PROGRAM: u64 = 60;
/// However slow the machine is.
const LONGEST: Duration = Duration::from_secs(30);

/// A first event as the engine records it.
fn start() -> Recorded {
    let worker =
        Worker::new().workflow(Workflow::new("model"), async |_: &WorkflowContext, (): ()| Ok(()));
    let played = Scenario::new(worker, Workflow::<(), ()>::new("model"), &()).play().unwrap();
    played.run().events[0].clone()
}

/// A run beside its model.
struct Pair {
    run: Run,
    model: Model,
    history: Vec<Recorded>,
}

impl Pair {
    fn begin(first: Recorded) -> Self {
        let run = Run::begin(&first.event, first.at).unwrap();
        let model = Model::begin(&first);
        assert_eq!(Model::of(&run), model);
        Self { run, model, history: vec![first] }
    }

    /// The state is the fold of the history and of nothing else, also of a stored one.
    fn end(self, seed: u64) {
        let stored = postcard::to_stdvec(&self.history).unwrap();
        let history: Vec<Recorded> = postcard::from_bytes(&stored).unwrap();
        let mut folded = Run::begin(&history[0].event, history[0].at).unwrap();
        history[1..].iter().for_each(|recorded| apply(&mut folded, &recorded.event, recorded.at));
        assert_eq!(folded, self.run, "seed {seed}");
    }
}

fn play(seed: u64, first: &Recorded) {
    let mut dice = Dice::new(seed);
    let mut pair = Pair::begin(dice.first_event(first));
    for step in 0..STEPS_A_PROGRAM {
        let action = dice.action();
        let now = first.at + Duration::from_millis(step);
        let continues = matches!(action, Move::Continue) && !pair.run.status.is_closed();
        let before = continues.then(|| (pair.run.clone(), pair.model.carried()));
        let expected = pair.model.act(&action, now);
        let decided = decide(&pair.run, command(&action, now), now);
        let found = decided
            .as_ref()
            .ok()
            .map(|events| events.iter().map(HistoryEvent::name).collect::<Vec<_>>());
        assert_eq!(found, expected, "seed {seed}, step {step}: {action:?}");
        for event in decided.into_iter().flatten() {
            apply(&mut pair.run, &event, now);
            pair.history.push(Recorded { at: now, event });
        }
        assert_eq!(Model::of(&pair.run), pair.model, "seed {seed}, step {step}: {action:?}");
        assert_eq!(pair.run.is_active(), pair.model.is_active(), "seed {seed}, step {step}");
        assert_eq!(pair.run.wakers().len(), pair.model.wakers(), "seed {seed}, step {step}");
        if let Some((before, carried)) = before {
            assert_eq!(pair.run.status, RunStatus::ContinuedAsNew);
            let successor = program::successor(&before, now);
            let old = std::mem::replace(&mut pair, Pair::begin(successor));
            assert_eq!(pair.model.children, carried, "seed {seed}, step {step}");
            old.end(seed);
        }
    }
    pair.end(seed);
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
