//! The projections of a worker.

use std::collections::BTreeMap;
use std::sync::Arc;

use everstep_engine::{Extension, Worker};

use super::{Category, Delivery, ProjectionCode, inline};

/// A worker's projections, by name.
#[derive(Default)]
pub struct Projections {
    by_name: BTreeMap<&'static str, Arc<ProjectionCode>>,
    mistakes: Vec<String>,
}

impl Projections {
    pub(super) fn add(&mut self, code: Arc<ProjectionCode>) {
        if let Err(error) = code.check() {
            self.mistakes.push(error.to_string());
        }
        let name = code.name;
        if self.by_name.insert(name, code).is_some() {
            self.mistakes.push(format!("projection `{name}` is registered twice"));
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<ProjectionCode>> {
        self.by_name.values()
    }

    pub(super) fn find(&self, name: &str) -> Option<&Arc<ProjectionCode>> {
        self.by_name.get(name)
    }

    /// Name, category and delivery of each.
    pub fn names(&self) -> impl Iterator<Item = (&'static str, Category, Delivery)> {
        self.all().map(|code| (code.name, code.category, code.delivery))
    }
}

impl Extension for Projections {
    fn check(&self) -> Result<(), String> {
        match self.mistakes.as_slice() {
            [] => Ok(()),
            mistakes => Err(mistakes.join("; ")),
        }
    }
}

/// Registers projections with a worker.
pub trait ProjectionWorker {
    /// Keeps the projection in every namespace. What its category does not allow is refused when
    /// the engine is opened.
    #[must_use]
    fn projection(self, code: ProjectionCode) -> Self;
}

impl ProjectionWorker for Worker {
    fn projection(self, code: ProjectionCode) -> Self {
        let code = Arc::new(code);
        let worker = match code.delivery {
            Delivery::Async => self,
            Delivery::Inline => {
                let code = Arc::clone(&code);
                self.on_append(move |tx, events| inline::keep(&code, tx, events))
            }
        };
        worker.extend(|projections: &mut Projections| projections.add(code))
    }
}
