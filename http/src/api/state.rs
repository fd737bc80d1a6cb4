//! What every handler can reach. Clones are cheap and the same.

use std::sync::Arc;
use std::time::Duration;

use everstep_activities::contexts::begin_migrations;
use everstep_engine::Engine;
use everstep_workflows::agent::{AgentService, Agents};
use everstep_workflows::projections::ProjectionService;
use everstep_workflows::subscriptions::{Consuming, SubscriptionService};

use super::{BackupDesk, Parameters, Problem};
use crate::server::{Draining, HttpMetrics, Warnings};

/// The engine and what the server decided about requests.
#[derive(Clone, Debug)]
pub(crate) struct Api(Arc<Inner>);

/// What the server decided about requests.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) limits: Limits,
    pub(crate) draining: Draining,
    pub(crate) metrics: Arc<HttpMetrics>,
    pub(crate) backups: BackupDesk,
    /// Whether values are taken out of every export.
    pub(crate) redacts_exports: bool,
}

#[derive(Debug)]
struct Inner {
    engine: Engine,
    projections: ProjectionService,
    subscriptions: SubscriptionService,
    _consuming: Consuming,
    setup: Setup,
    warnings: Warnings,
}

/// Bounds on what one request may bring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Largest body, in bytes.
    pub(crate) body_bytes: usize,
    /// How long a body may take to arrive.
    pub(crate) body_timeout: Duration,
}

impl Api {
    pub(crate) fn new(engine: Engine, setup: Setup) -> Self {
        let projections = ProjectionService::start(&engine);
        let subscriptions = SubscriptionService::new(&engine);
        let consuming = subscriptions.consume();
        release_lanes(&engine, &subscriptions);
        migrate(&engine);
        Self(Arc::new(Inner {
            engine,
            projections,
            subscriptions,
            _consuming: consuming,
            setup,
            warnings: Warnings::default(),
        }))
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The engine for a request that says with `payloads` whether it wants large ones in place
    /// (`inline`, as when it says nothing) or references to them (`reference`).
    pub(crate) fn reader(&self, parameters: Parameters<'_>) -> Result<Engine, Problem> {
        match parameters.text("payloads")?.as_deref() {
            None | Some("inline") => Ok(self.engine().clone()),
            Some("reference") => Ok(self.engine().referring()),
            Some(other) => Err(Problem::invalid(format!(
                "parameter `payloads` is `inline` or `reference`, not `{other}`"
            ))),
        }
    }

    pub(crate) fn projections(&self) -> &ProjectionService {
        &self.0.projections
    }

    pub(crate) fn subscriptions(&self) -> &SubscriptionService {
        &self.0.subscriptions
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.setup.limits
    }

    pub(crate) fn draining(&self) -> &Draining {
        &self.0.setup.draining
    }

    /// Where backups are asked for.
    pub(super) fn backups(&self) -> &BackupDesk {
        &self.0.setup.backups
    }

    /// Whether values are taken out of every export.
    pub(crate) fn redacts_exports(&self) -> bool {
        self.0.setup.redacts_exports
    }

    /// What a server that is ready has to warn of.
    pub(crate) fn warnings(&self) -> &Warnings {
        &self.0.warnings
    }

    pub(crate) fn metrics(&self) -> &HttpMetrics {
        &self.0.setup.metrics
    }
}

/// Begins to take along what an earlier build left in another shape.
fn migrate(engine: &Engine) {
    let engine = engine.clone();
    tokio::spawn(async move {
        if let Err(error) = begin_migrations(&engine).await {
            tracing::warn!(%error, "failed to begin migrations: they begin at the next start");
        }
    });
}

/// Lets agents' lanes go on whose dead letters an earlier process had dealt with.
fn release_lanes(engine: &Engine, subscriptions: &SubscriptionService) {
    if engine.extension::<Agents>().is_none() {
        return;
    }
    let (engine, service) = (engine.clone(), AgentService::new(engine, subscriptions));
    tokio::spawn(async move {
        for namespace in engine.namespaces() {
            if let Err(error) = service.release_settled(&namespace.name).await {
                let namespace = namespace.name;
                tracing::warn!(namespace, %error, "failed to release lanes of agents");
            }
        }
    });
}
