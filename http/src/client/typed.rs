//! Starts and handles that know the types of their workflow.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::ClientError;
use super::workflows::{Client, millis};
use crate::{
    IdReuse, OnConflict, Payload, Query, RunId, RunStatus, Selector, Signal, StartRequest, Update,
    Workflow,
};

/// A start that has not happened yet.
#[must_use = "nothing is started before `start`"]
pub struct Start<O> {
    client: Client,
    request: StartRequest,
    output: PhantomData<fn() -> O>,
}

/// One workflow, and how to speak to it.
pub struct Handle<O> {
    client: Client,
    selector: Selector,
    output: PhantomData<fn() -> O>,
}

impl<O> Start<O> {
    pub(super) fn new<I: Serialize>(
        client: Client,
        workflow: Workflow<I, O>,
        input: &I,
    ) -> Result<Self, ClientError> {
        let input = Payload::from_value(input)
            .map_err(ClientError::shape(format!("the input of `{}`", workflow.name())))?;
        let request = StartRequest::new(workflow.name(), input);
        Ok(Self { client, request, output: PhantomData })
    }

    /// The workflow's id; the server chooses one where none is given.
    pub fn id(mut self, workflow_id: impl Into<String>) -> Self {
        self.request.workflow_id = Some(workflow_id.into());
        self
    }

    /// Policy for an id whose run is closed.
    pub fn id_reuse(mut self, id_reuse: IdReuse) -> Self {
        self.request.id_reuse = id_reuse;
        self
    }

    /// Policy for an id whose run is open.
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.request.on_conflict = on_conflict;
        self
    }

    /// Time before the code runs first.
    pub fn start_delay(mut self, delay: Duration) -> Self {
        self.request.start_delay_ms = Some(millis(delay));
        self
    }

    /// Times the execution out, the run and all that it continues as, so long after the start
    /// delay.
    pub fn execution_timeout(mut self, limit: Duration) -> Self {
        self.request.execution_timeout_ms = Some(millis(limit));
        self
    }

    /// Times the run out so long after the start delay.
    pub fn run_timeout(mut self, limit: Duration) -> Self {
        self.request.run_timeout_ms = Some(millis(limit));
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
    /// The server's refusal, or what went wrong on the way.
    pub async fn start(self) -> Result<Handle<O>, ClientError> {
        let started = self.client.start(&self.request).await?;
        let selector =
            Selector { run_id: Some(started.run_id), ..Selector::newest(started.workflow_id) };
        Ok(Handle { client: self.client, selector, output: PhantomData })
    }
}

impl Client {
    /// A handle on the newest run of a workflow id.
    pub fn handle<I, O>(
        &self,
        _workflow: Workflow<I, O>,
        workflow_id: impl Into<String>,
    ) -> Handle<O> {
        let selector = Selector::newest(workflow_id);
        Handle { client: self.clone(), selector, output: PhantomData }
    }
}

impl<O: DeserializeOwned> Handle<O> {
    /// The workflow's id.
    pub fn workflow_id(&self) -> &str {
        &self.selector.workflow_id
    }

    /// The run, when the handle is of one run.
    pub const fn run_id(&self) -> Option<RunId> {
        self.selector.run_id
    }

    /// Waits for the result, however long it takes; follows continue-as-new to its end.
    ///
    /// # Errors
    /// [`ClientError::NotCompleted`] when the workflow ended otherwise.
    pub async fn result(&self) -> Result<O, ClientError> {
        let mut result = self.client.result(&self.selector, Duration::MAX).await?;
        if result.status == RunStatus::ContinuedAsNew {
            let newest = Selector { run_id: None, ..self.selector.clone() };
            result = self.client.result(&newest, Duration::MAX).await?;
        }
        let workflow_id = self.workflow_id().to_owned();
        match (result.status, result.result) {
            (RunStatus::Completed, Some(output)) => output
                .to()
                .map_err(ClientError::shape(format!("the result of workflow `{workflow_id}`"))),
            (status, _) => Err(ClientError::NotCompleted {
                workflow_id,
                status,
                failure: result.failure.map(Box::new),
            }),
        }
    }

    /// Sends a signal; durable when it returns.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn signal<T: Serialize>(
        &self,
        signal: Signal<T>,
        payload: &T,
    ) -> Result<(), ClientError> {
        self.client.send_signal(&self.selector, signal, payload).await
    }

    /// Asks something of the workflow and waits for its answer, however long it takes.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way; [`ClientError::UpdateFailed`] when the
    /// workflow answered with a failure.
    pub async fn update<A: Serialize, R: DeserializeOwned>(
        &self,
        update: Update<A, R>,
        argument: &A,
    ) -> Result<R, ClientError> {
        self.client.send_update(&self.selector, update, argument).await
    }

    /// Asks for published state.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn query<A: Serialize, T: DeserializeOwned>(
        &self,
        query: Query<A, T>,
        argument: &A,
    ) -> Result<T, ClientError> {
        self.client.ask(&self.selector, query, argument).await
    }

    /// Asks the run to end in its own way.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn cancel(&self) -> Result<(), ClientError> {
        self.client.cancel(&self.selector).await
    }

    /// Ends the run at once.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn terminate(&self, reason: &str) -> Result<(), ClientError> {
        self.client.terminate(&self.selector, reason).await
    }
}

impl<O> fmt::Debug for Start<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start").field("request", &self.request).finish_non_exhaustive()
    }
}

impl<O> fmt::Debug for Handle<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("selector", &self.selector).finish_non_exhaustive()
    }
}
