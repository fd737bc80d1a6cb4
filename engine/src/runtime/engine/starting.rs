//! Starting runs through the handle, and what is refused before the loop hears of it.

use tokio::sync::oneshot;

use super::{Engine, Inner, RunWatch};
use crate::batch::is_built_in;
use crate::runtime::message::Message;
use crate::{Rejection, StartRequest, Started};

impl Engine {
    /// Starts a workflow; durable when answered.
    ///
    /// # Errors
    /// A [`Rejection`] that says what was refused and why.
    pub async fn start(&self, request: StartRequest) -> Result<Started, Rejection> {
        self.check_start(&request)?;
        self.ask(|reply| Message::Start { request: Box::new(request), watch: None, reply }).await
    }

    /// Starts a workflow and watches the run that the answer names.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub async fn start_watched(&self, request: StartRequest) -> Result<RunWatch, Rejection> {
        self.check_start(&request)?;
        let namespace = request.namespace.clone();
        let (watch, result) = oneshot::channel();
        let started = self
            .ask(|reply| Message::Start { request: Box::new(request), watch: Some(watch), reply })
            .await?;
        Ok(RunWatch { engine: self.clone(), namespace, started, result })
    }

    pub(in crate::runtime) fn check_start(&self, request: &StartRequest) -> Result<(), Rejection> {
        self.inner.check_start(request)
    }
}

impl Inner {
    /// Refuses a start that nobody could make.
    pub(in crate::runtime) fn check_start(&self, request: &StartRequest) -> Result<(), Rejection> {
        self.namespaces.check(&request.namespace)?;
        let entry = self.registry.workflows.get(request.workflow_type.as_str());
        let Some(entry) = entry.filter(|entry| !is_built_in(&entry.name)) else {
            let known = self.registry.workflow_types().collect::<Vec<_>>().join(", ");
            return Err(Rejection::UnknownWorkflowType(request.workflow_type.clone(), known));
        };
        self.config.limits.check_start(request)?;
        (entry.check_input)(&request.input).map_err(|error| {
            Rejection::Unprocessable(format!(
                "workflow type `{}` cannot take this input: {error}",
                request.workflow_type
            ))
        })?;
        if let Some(update) = &request.update {
            entry.check_update(&request.workflow_type, update, |check, payload| check(payload))?;
        }
        if let Some(signal) = &request.signal
            && let Some(check) = entry.check_signal.get(signal.name.as_str())
        {
            check(&signal.payload).map_err(|error| {
                Rejection::Unprocessable(format!(
                    "signal `{}` cannot carry this payload: {error}",
                    signal.name
                ))
            })?;
        }
        Ok(())
    }
}
