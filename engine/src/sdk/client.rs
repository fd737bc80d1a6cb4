//! Typed calls against an engine in the same process.

use std::marker::PhantomData;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Query, Signal, Update, Workflow};
use crate::runtime::{Engine, RunWatch};
use crate::{
    Failure, IdReuse, OnConflict, Payload, Rejection, RunId, RunStatus, Selector, SignalInput,
    StartRequest, Started, TraceContext, UpdateInput,
};

/// Starts and steers workflows by their constants.
#[derive(Clone, Debug)]
pub struct Client {
    engine: Engine,
}

/// Why a typed call did not give a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The engine refused.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A value has another JSON shape than its type.
    #[error("value of another shape: {0}")]
    Shape(#[from] serde_json::Error),
    /// The workflow answered an update with a failure.
    #[error("update failed: {}: {}", .0.kind, .0.message)]
    UpdateFailed(Failure),
    /// The workflow ended without a result.
    #[error("workflow {status}: {}", failure.as_ref().map_or("", |failure| &failure.message))]
    NotCompleted {
        /// How it ended.
        status: RunStatus,
        /// Why.
        failure: Option<Failure>,
    },
}

impl Client {
    /// A client of `engine`.
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Prepares a start; it happens at [`StartBuilder::start`].
    pub fn workflow<I: Serialize, O>(
        &self,
        workflow: Workflow<I, O>,
        input: &I,
    ) -> Result<StartBuilder<O>, ClientError> {
        let request = StartRequest::new(workflow.name(), Payload::from_value(input)?);
        Ok(StartBuilder { engine: self.engine.clone(), request, output: PhantomData })
    }

    /// A handle on the newest run of a workflow id.
    pub fn handle<I, O>(
        &self,
        _workflow: Workflow<I, O>,
        workflow_id: impl Into<String>,
    ) -> WorkflowHandle<O> {
        WorkflowHandle {
            engine: self.engine.clone(),
            selector: Selector::newest(workflow_id),
            watch: None,
            output: PhantomData,
        }
    }
}

/// A start that has not happened yet.
#[must_use = "nothing is started before `start`"]
pub struct StartBuilder<O> {
    engine: Engine,
    request: StartRequest,
    output: PhantomData<fn() -> O>,
}

impl<O> StartBuilder<O> {
    /// The workflow's id; one is chosen where none is given.
    pub fn id(mut self, workflow_id: impl Into<String>) -> Self {
        self.request.workflow_id = Some(workflow_id.into());
        self
    }

    pub(super) fn request_mut(&mut self) -> &mut StartRequest {
        &mut self.request
    }

    /// Policy for an id whose run is closed.
    pub const fn id_reuse(mut self, id_reuse: IdReuse) -> Self {
        self.request.id_reuse = id_reuse;
        self
    }

    /// Policy for an id whose run is open.
    pub const fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.request.on_conflict = on_conflict;
        self
    }

    /// Makes the run a part of the caller's trace.
    pub fn trace(mut self, trace: TraceContext) -> Self {
        self.request.trace = Some(Box::new(trace));
        self
    }

    /// Makes a repeated start answer what the first one answered.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.request.idempotency_key = Some(key.into());
        self
    }

    /// Starts the workflow; durable when it returns.
    ///
    /// # Errors
    /// What the engine refused.
    pub async fn start(self) -> Result<WorkflowHandle<O>, ClientError> {
        let watch = self.engine.start_watched(self.request).await?;
        let Started { workflow_id, run_id, .. } = watch.started().clone();
        let selector = Selector { run_id: Some(run_id), ..Selector::newest(workflow_id) };
        Ok(WorkflowHandle {
            engine: self.engine,
            selector,
            watch: Some(watch),
            output: PhantomData,
        })
    }
}

/// One workflow, and how to speak to it.
pub struct WorkflowHandle<O> {
    engine: Engine,
    selector: Selector,
    watch: Option<RunWatch>,
    output: PhantomData<fn() -> O>,
}

/// How long one request waits before it asks again.
const POLL: Duration = Duration::from_secs(60);

impl<O: DeserializeOwned> WorkflowHandle<O> {
    /// The workflow's id.
    pub fn workflow_id(&self) -> &str {
        &self.selector.workflow_id
    }

    /// The run, when the handle is of one run.
    pub const fn run_id(&self) -> Option<RunId> {
        self.selector.run_id
    }

    /// Waits for the result, however long it takes.
    ///
    /// # Errors
    /// [`ClientError::NotCompleted`] when the run ended otherwise.
    pub async fn result(mut self) -> Result<O, ClientError> {
        let mut result = match &mut self.watch {
            Some(watch) => watch.result(POLL).await,
            None => self.engine.result(&self.selector, POLL).await?,
        };
        while !result.status.is_closed() || result.new_run_id.is_some() {
            // The end that counts is the chain's.
            self.selector.run_id = result.new_run_id.or(self.selector.run_id);
            result = self.engine.result(&self.selector, POLL).await?;
        }
        match (result.status, result.result) {
            (RunStatus::Completed, Some(output)) => Ok(output.to()?),
            (status, _) => Err(ClientError::NotCompleted { status, failure: result.failure }),
        }
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// What the engine refused.
    pub async fn signal<T: Serialize>(
        &self,
        signal: Signal<T>,
        payload: &T,
    ) -> Result<(), ClientError> {
        let payload = Payload::from_value(payload)?;
        let signal = SignalInput { name: signal.name().to_owned(), payload };
        Ok(self.engine.signal(&self.selector, signal, None).await?)
    }

    /// Asks something of the workflow and waits for its answer, however long it takes.
    ///
    /// # Errors
    /// What the engine refused; [`ClientError::UpdateFailed`] when the workflow answered with a
    /// failure.
    pub async fn update<A: Serialize, R: DeserializeOwned>(
        &self,
        update: Update<A, R>,
        argument: &A,
    ) -> Result<R, ClientError> {
        let payload = Payload::from_value(argument)?;
        let input = UpdateInput { name: update.name().to_owned(), payload, update_id: None };
        let mut state = self.engine.update(&self.selector, input, POLL).await?;
        while !state.status.is_final() {
            state = self.engine.update_outcome(&self.selector, &state.update_id, POLL).await?;
        }
        match (state.result, state.failure) {
            (Some(result), None) => Ok(result.to()?),
            (_, failure) => Err(ClientError::UpdateFailed(failure.unwrap_or_default())),
        }
    }

    /// Asks a query that takes an argument.
    ///
    /// # Errors
    /// What the engine refused.
    pub fn ask<A: Serialize, T: DeserializeOwned>(
        &self,
        query: Query<A, T>,
        argument: &A,
    ) -> Result<T, ClientError> {
        let argument = Payload::from_value(argument)?;
        Ok(self.engine.query_with(&self.selector, query.name(), &argument)?.to()?)
    }

    /// Asks for published state.
    ///
    /// # Errors
    /// What the engine refused.
    pub fn query<A, T: DeserializeOwned>(&self, query: Query<A, T>) -> Result<T, ClientError> {
        Ok(self.engine.query(&self.selector, query.name())?.to()?)
    }

    /// Asks the run to end in its own way.
    ///
    /// # Errors
    /// What the engine refused.
    pub async fn cancel(&self) -> Result<(), ClientError> {
        Ok(self.engine.cancel(&self.selector).await?)
    }
}
