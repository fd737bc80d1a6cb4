//! The server: store, engine and listener, opened together and closed in order.
//!
//! Invariant: it ends in one of two ways. Asked to, it finishes what it took and closes the store;
//! when the store has failed, it says so and gives up.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};
use everstep_activities::fat_events::{SubjectKeys, WorkerSubjects};
use everstep_activities::language::with_published_language;
use everstep_activities::reservations::with_reservations;
use everstep_activities::{with_dcb_retries, with_durable_appends};
use everstep_engine::{Engine, Worker};
use everstep_storage::{EmbeddedStore, Store, StoreError};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use utoipa_axum::routes;

use super::connections::Connections;
use super::draining::DrainSwitch;
use super::gate::{Gate, gate, method_not_allowed, route_not_found};
use super::origin::OriginPolicy;
use super::{Draining, HttpMetrics, ServerConfig, ServerError, figures, health, pages};
use crate::access::{Access, AccessRule, Doors};
use crate::api::{self, Api, BackupDesk, Limits, Setup};
use crate::ui;

/// A server that is open and listens; it answers once [`Server::run`] is called.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    listener: TcpListener,
    address: SocketAddr,
    engine: Engine,
    router: Router,
    metrics: Arc<HttpMetrics>,
    access: Arc<Access>,
    switch: DrainSwitch,
    draining: Draining,
}

impl Server {
    /// Listens, then opens the store and the engine with the worker's code. Open runs go on by
    /// themselves from here on. Call it inside a Tokio runtime: activities run there.
    ///
    /// # Errors
    /// A [`ServerError`] that names what could not be had.
    pub async fn open(worker: Worker, config: ServerConfig) -> Result<Self, ServerError> {
        let (listener, address) = listen(&config).await?;
        let store = open_store(&config).await?;
        let worker = with_subject_keys(worker, &config).await?;
        let engine = Engine::open(store, worker, config.engine.clone(), Handle::current())?;
        let (switch, draining) = DrainSwitch::new();
        let (router, metrics, access) = router(&engine, &config, address, draining.clone())?;
        Ok(Self { config, listener, address, engine, router, metrics, access, switch, draining })
    }

    /// Where it listens, with the port that it got.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL without a path, such as `http://127.0.0.1:3837`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The engine behind it.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The smallest role that may call each route, of the API and the inspector.
    pub fn access_rules(&self) -> Vec<AccessRule> {
        self.access.rules()
    }

    /// Serves until `shutdown` is ready, then drains: accepts no more connections, answers long
    /// polls early, lets requests and then activities finish, and closes the store.
    ///
    /// # Errors
    /// [`ServerError::Stopped`] when the engine stopped by itself.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let connections = Connections {
            router: self.router,
            metrics: self.metrics,
            draining: self.draining,
            header_timeout: self.config.header_timeout,
            most: self.config.max_connections,
        };
        let grace = self.config.drain_grace;
        let serving = tokio::spawn(connections.serve(self.listener, grace));
        let stopped = tokio::select! {
            () = shutdown => None,
            reason = self.engine.stopped() => Some(reason),
        };
        self.switch.begin();
        if let Err(error) = serving.await {
            tracing::error!(%error, "failed to wait for open connections");
        }
        self.engine.drain(grace).await;
        match stopped {
            None => Ok(()),
            Some(reason) => Err(ServerError::Stopped(reason)),
        }
    }
}

async fn listen(config: &ServerConfig) -> Result<(TcpListener, SocketAddr), ServerError> {
    if !config.listen.ip().is_loopback() && config.tokens.is_none() && !config.allow_remote {
        return Err(ServerError::Remote(config.listen));
    }
    let refused = |source| ServerError::Listen { address: config.listen, source };
    let listener = TcpListener::bind(config.listen).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    Ok((listener, address))
}

/// The name of the file that holds the keys of personal data, beside the store.
const SUBJECT_KEYS: &str = "subject-keys";

/// Adds what every server has: reservations, the published language, and personal data that can be shredded.
async fn with_subject_keys(worker: Worker, config: &ServerConfig) -> Result<Worker, ServerError> {
    let path = config.data.join(SUBJECT_KEYS);
    let opening = tokio::task::spawn_blocking(move || SubjectKeys::open(path));
    let keys = opening
        .await
        .map_err(|error| ServerError::Io { action: "open the key file", source: error.into() })??;
    let worker = with_published_language(with_reservations(worker));
    let worker = with_dcb_retries(with_durable_appends(worker));
    Ok(worker.subject_keys(Arc::new(keys)))
}

async fn open_store(config: &ServerConfig) -> Result<Arc<dyn Store>, ServerError> {
    let (data, settings) = (config.data.clone(), config.store.clone());
    let opening = tokio::task::spawn_blocking(move || EmbeddedStore::open(data, settings));
    let opened: Result<EmbeddedStore, StoreError> = opening
        .await
        .map_err(|error| ServerError::Io { action: "open the store", source: error.into() })?;
    match opened {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => {
            Err(ServerError::Store { data: config.data.clone(), source: Box::new(error) })
        }
    }
}

fn router(
    engine: &Engine,
    config: &ServerConfig,
    address: SocketAddr,
    draining: Draining,
) -> Result<(Router, Arc<HttpMetrics>, Arc<Access>), ServerError> {
    let (routes, document) = api::routes(config.engine.clock.is_manual())
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(figures::metrics))
        .split_for_parts();
    let documented = document.paths.paths.keys().cloned();
    let metrics = Arc::new(HttpMetrics::new(documented.chain([api::DESCRIPTION.to_owned()])));
    let limits =
        Limits { body_bytes: config.body_limit_bytes, body_timeout: config.request_timeout };
    let setup = Setup {
        limits,
        draining: draining.clone(),
        metrics: Arc::clone(&metrics),
        backups: BackupDesk::new(config.store.clone()),
        redacts_exports: config.redact,
    };
    let api = Api::new(engine.clone(), setup);
    let inspected = if config.redact { engine.hiding_values() } else { engine.clone() };
    let policy = OriginPolicy { loopback_only: address.ip().is_loopback() };
    let (inspector, page_doors) = ui::routes(inspected.referring(), Some(draining)).split();
    let doors = Doors::of_document(&serde_json::to_value(&document)?);
    let (own_pages, own_doors) = pages::routes(engine);
    let doors = doors.readable(api::DESCRIPTION).and(page_doors).and(own_doors);
    let access = Arc::new(Access::new(config.tokens.clone(), doors));
    let gate_state =
        Arc::new(Gate { policy, access: Arc::clone(&access), metrics: Arc::clone(&metrics) });
    // Each layer is passed by every request of its routes: what pages alone need stays with them.
    let inspector = inspector
        .layer(Extension(Arc::clone(&access)))
        .layer(Extension(api.projections().clone()))
        .layer(Extension(api.subscriptions().clone()));
    let router = routes
        .with_state(api)
        .merge(api::description(document)?)
        .merge(inspector)
        .merge(own_pages)
        .fallback(route_not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(gate_state, gate));
    Ok((router, metrics, access))
}
