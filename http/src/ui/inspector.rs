//! What the handlers share.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use everstep_engine::{DEFAULT_NAMESPACE, Engine, Principal, Rejection, RunId, Selector};

use super::flash;
use super::journals::Journals;
use super::live::Streams;
use crate::access::{Access, Caller};
use crate::server::Draining;

/// What the chosen namespace is remembered by.
pub(super) const NAMESPACE_COOKIE: &str = "everstep_namespace";

/// The handlers' state and whose runs a request is about; clones share everything else.
#[derive(Clone, Debug)]
pub(super) struct Inspector {
    pub(super) engine: Engine,
    pub(super) namespace: String,
    /// Who looks.
    pub(super) caller: Principal,
    pub(super) journals: Arc<Journals>,
    pub(super) streams: Arc<Streams>,
    /// Whether people have to log in.
    pub(super) guarded: bool,
    /// None when whoever serves the pages never says that it ends.
    pub(super) draining: Option<Draining>,
}

impl Inspector {
    pub(super) fn new(engine: Engine, draining: Option<Draining>) -> Self {
        let namespace = DEFAULT_NAMESPACE.to_owned();
        let (journals, streams) = (Arc::default(), Arc::default());
        let Caller(caller) = Caller::nobody();
        Self { engine, namespace, caller, journals, streams, guarded: false, draining }
    }

    /// Reads the store on a thread that may block.
    pub(super) async fn read<T, F>(&self, read: F) -> Result<T, Rejection>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Result<T, Rejection> + Send + 'static,
    {
        let this = self.clone();
        match tokio::task::spawn_blocking(move || read(&this)).await {
            Ok(answer) => answer,
            Err(error) => Err(Rejection::Unavailable(format!("failed to read the store: {error}"))),
        }
    }

    /// The run that an address names: `?run_id=`, or the newest.
    pub(super) fn selector(&self, id: &str, run_id: Option<&str>) -> Result<Selector, Rejection> {
        let run_id = match run_id.filter(|text| !text.is_empty()) {
            Some(text) => Some(text.parse::<RunId>().map_err(|_| {
                Rejection::InvalidRequest(format!("`{text}` is not a run id: a UUID is expected"))
            })?),
            None => None,
        };
        Ok(Selector { namespace: self.namespace.clone(), workflow_id: id.into(), run_id })
    }
}

/// A request sees the namespace that its sender has chosen and reaches; one that is gone is the
/// default one, or the first that the sender reaches.
impl FromRequestParts<Self> for Inspector {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &Self) -> Result<Self, Infallible> {
        let mut inspector = state.clone();
        if let Some(Caller(caller)) = parts.extensions.get() {
            inspector.caller = caller.clone();
        }
        let access = parts.extensions.get::<Arc<Access>>();
        inspector.guarded = access.is_some_and(|access| access.is_guarded());
        let chosen = flash::cookie(&parts.headers, NAMESPACE_COOKIE);
        let chosen = chosen.filter(|chosen| inspector.engine.check_namespace(chosen).is_ok());
        let chosen = chosen.unwrap_or(DEFAULT_NAMESPACE);
        inspector.namespace = match inspector.caller.reaches(chosen) {
            true => chosen.to_owned(),
            // No namespace has the empty name, so whoever reaches none sees nothing.
            false => {
                let first = inspector.caller.namespaces().and_then(|mut own| own.next());
                first.unwrap_or_default().to_owned()
            }
        };
        Ok(inspector)
    }
}
