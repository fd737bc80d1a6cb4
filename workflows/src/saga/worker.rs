//! Sagas on a worker.

use everstep_activities::WorkerDeadLetters;
use everstep_engine::{Engine, Extension, Worker, Workflow};

use super::rows::{self, COMPENSATION};

/// The types that are sagas.
#[derive(Default)]
pub(super) struct Sagas {
    types: Vec<&'static str>,
}

impl Extension for Sagas {}

/// Sagas on a worker.
pub trait WorkerSagas {
    /// Says that the workflows of this type are sagas: each has a row with its status, whose last
    /// word is written in the commit that ends the run. Call it after the type is registered.
    #[must_use]
    fn saga<I, O>(self, workflow: Workflow<I, O>) -> Self;
}

impl WorkerSagas for Worker {
    fn saga<I, O>(self, workflow: Workflow<I, O>) -> Self {
        let worker = match self.extension::<Sagas>() {
            Some(_) => self,
            None => rows::register(self).dead_letters(COMPENSATION, rows::try_again),
        };
        worker
            .extend(|sagas: &mut Sagas| sagas.types.push(workflow.name()))
            .signal(workflow, rows::UNDO)
            .on_end(workflow, "everstep.saga", rows::ended)
            .on_reset(workflow, rows::reset)
    }
}

/// Whether an engine's worker says that a workflow type is a saga.
pub fn is_declared(engine: &Engine, workflow_type: &str) -> bool {
    engine.extension::<Sagas>().is_some_and(|sagas| sagas.types.contains(&workflow_type))
}
