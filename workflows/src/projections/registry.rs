//! The projections of a worker.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use everstep_engine::{Extension, Worker};
use tokio::sync::watch;

use super::service::Inner;
use super::{Category, Delivery, ProjectionCode, ProjectionService, inline};
use crate::projection_replay;

/// A worker's projections, by name.
#[derive(Default)]
pub struct Projections {
    by_name: BTreeMap<&'static str, Arc<ProjectionCode>>,
    mistakes: Vec<String>,
    host: Arc<Host>,
}

/// Where activities find the service that keeps the projections.
pub(crate) struct Host(watch::Sender<Option<Weak<Inner>>>);

impl Default for Host {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Host {
    pub(super) fn serve(&self, inner: &Arc<Inner>) {
        self.0.send_replace(Some(Arc::downgrade(inner)));
    }

    /// The service, once it was started.
    pub(crate) async fn service(&self) -> Option<ProjectionService> {
        let mut known = self.0.subscribe();
        let inner = known.wait_for(|inner| inner.as_ref().is_some_and(is_there)).await.ok()?;
        inner.as_ref()?.upgrade().map(ProjectionService)
    }
}

fn is_there(inner: &Weak<Inner>) -> bool {
    inner.strong_count() > 0
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

    pub(super) fn host(&self) -> &Arc<Host> {
        &self.host
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Arc<ProjectionCode>> {
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
        let first = worker.extension::<Projections>().is_none();
        let worker = worker.extend(|projections: &mut Projections| projections.add(code));
        match worker.extension::<Projections>().map(|all| Arc::clone(all.host())) {
            Some(host) if first => projection_replay::register(worker, host),
            _ => worker,
        }
    }
}
