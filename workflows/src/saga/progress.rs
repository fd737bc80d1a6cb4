//! The ladder of a saga: its steps and what undoes them, published by its run.

use everstep_engine::Query;
use serde::{Deserialize, Serialize};

/// Where a run publishes its ladder.
pub(super) const PROGRESS: Query<(), SagaProgress> = Query::new("everstep.saga");

/// How a step or a compensation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RungState {
    /// It is not needed, so far.
    Ready,
    /// It is under way.
    Running,
    /// It is done.
    Done,
    /// It failed for good.
    Failed,
    /// Somebody decided that it need not be done.
    Skipped,
}

/// A step or a compensation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// What it does.
    pub name: String,
    /// How it stands.
    pub state: RungState,
    /// How many steps had begun before it.
    pub after_steps: usize,
}

/// A saga's steps in the order in which they began, and its compensations in that in which they were
/// registered: they are done from the last to the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SagaProgress {
    /// The steps that were given a name.
    pub steps: Vec<Rung>,
    /// What undoes them.
    pub compensations: Vec<Rung>,
}
