//! What the handlers share.

use std::sync::Arc;

use everstep_engine::{DEFAULT_NAMESPACE, Engine, Rejection, RunId, Selector};

use super::journals::Journals;
use super::live::Streams;
use crate::server::Draining;

/// The handlers' state; clones share everything.
#[derive(Clone, Debug)]
pub(super) struct Inspector {
    pub(super) engine: Engine,
    pub(super) journals: Arc<Journals>,
    pub(super) streams: Arc<Streams>,
    /// None when whoever serves the pages never says that it ends.
    pub(super) draining: Option<Draining>,
}

impl Inspector {
    pub(super) fn new(engine: Engine, draining: Option<Draining>) -> Self {
        Self { engine, journals: Arc::default(), streams: Arc::default(), draining }
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
}

/// The run that an address names: `?run_id=`, or the newest.
pub(super) fn selector(id: &str, run_id: Option<&str>) -> Result<Selector, Rejection> {
    let run_id = match run_id.filter(|text| !text.is_empty()) {
        Some(text) => Some(text.parse::<RunId>().map_err(|_| {
            Rejection::InvalidRequest(format!("`{text}` is not a run id: a UUID is expected"))
        })?),
        None => None,
    };
    Ok(Selector { namespace: DEFAULT_NAMESPACE.into(), workflow_id: id.into(), run_id })
}
