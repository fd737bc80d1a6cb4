//! A process manager as a program declares it, and what it does with an event.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use everstep_activities::commands::{CommandRequest, CommandStatus, Entry, send_within};
use everstep_engine::log::RecordedEvent;
use everstep_engine::{ActivityError, Engine, TransactError};

use super::{Emitted, Seen};

type Deciding = Pin<Box<dyn Future<Output = Result<Vec<Emitted>, ActivityError>> + Send>>;
type Decide = dyn Fn(Seen) -> Deciding + Send + Sync;

/// Events in, commands out.
#[derive(Clone)]
pub struct ProcessManager {
    pub(super) name: &'static str,
    pub(super) context: &'static str,
    pub(super) events: Vec<&'static str>,
    pub(super) emits: Vec<&'static str>,
    pub(super) correlated_by: &'static str,
    pub(super) decide: Option<Arc<Decide>>,
}

impl ProcessManager {
    /// The process manager of that name, which belongs to a context.
    pub const fn new(name: &'static str, context: &'static str) -> Self {
        Self {
            name,
            context,
            events: Vec::new(),
            emits: Vec::new(),
            correlated_by: "",
            decide: None,
        }
    }

    /// The events that it hears of.
    #[must_use]
    pub fn on(mut self, events: impl IntoIterator<Item = &'static str>) -> Self {
        self.events = events.into_iter().collect();
        self
    }

    /// The commands that it may send; another one is a mistake of its code.
    #[must_use]
    pub fn emits(mut self, commands: impl IntoIterator<Item = &'static str>) -> Self {
        self.emits = commands.into_iter().collect();
        self
    }

    /// Events with the same value of this tag, such as `order:7`, are dealt with one after the other;
    /// one without it belongs to its stream.
    #[must_use]
    pub const fn correlated_by(mut self, tag: &'static str) -> Self {
        self.correlated_by = tag;
        self
    }

    /// What it does: commands, or none. An error has the event come again after a pause, one that is
    /// not retryable parks it.
    #[must_use]
    pub fn decide<F, R>(mut self, decide: F) -> Self
    where
        F: Fn(Seen) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<Emitted>, ActivityError>> + Send + 'static,
    {
        self.decide = Some(Arc::new(move |seen| Box::pin(decide(seen))));
        self
    }

    fn correlation(&self, event: &RecordedEvent) -> String {
        let of =
            |tag: &str| tag.strip_prefix(self.correlated_by)?.strip_prefix(':').map(str::to_owned);
        let own = event.tags().find_map(of);
        own.unwrap_or_else(|| event.stream().map(|stream| stream.to_string()).unwrap_or_default())
    }

    /// Deals with one event; answers how many commands it sent that had not been sent before.
    pub(super) async fn handle(
        &self,
        engine: Engine,
        namespace: &str,
        event: RecordedEvent,
    ) -> Result<usize, ActivityError> {
        let Some(decide) = &self.decide else { return Ok(0) };
        let seen = Seen {
            engine: engine.clone(),
            namespace: namespace.to_owned(),
            correlation: self.correlation(&event),
            event: event.clone(),
        };
        let mut sent = 0;
        for (number, emitted) in decide(seen).await?.into_iter().enumerate() {
            let request = self.request(&event, number, emitted)?;
            let outcome = engine.transact(namespace, move |tx| send_within(tx, &request)).await;
            let outcome = outcome.map_err(|error| match error {
                TransactError::Failed(error) => error,
                other => other.into(),
            })?;
            sent += usize::from(outcome.is_new);
            let record = outcome.record;
            if record.status != CommandStatus::Executed {
                let code = record.code.unwrap_or_else(|| "command_failed".to_owned());
                let message = record.message.unwrap_or_default();
                return Err(ActivityError::new(code, message).non_retryable());
            }
        }
        Ok(sent)
    }

    fn request(
        &self,
        event: &RecordedEvent,
        number: usize,
        emitted: Emitted,
    ) -> Result<CommandRequest, ActivityError> {
        let Emitted { command_type, payload } = emitted;
        if !self.emits.contains(&command_type.as_str()) {
            let what = format!("`{}` does not declare that it emits `{command_type}`", self.name);
            return Err(ActivityError::new("UNDECLARED_COMMAND", what).non_retryable());
        }
        let id = format!("{}:{}:{number}", self.name, event.position());
        let mut request = CommandRequest::new(command_type, id, payload, Entry::ProcessManager);
        if let Some(correlation) = event.correlation_id() {
            correlation.clone_into(&mut request.correlation_id);
        }
        request.causation_id = Some(event.position().to_string());
        request.user_id = format!("process-manager:{}", self.name);
        request.trace = event.trace().map(str::to_owned);
        Ok(request)
    }
}

impl std::fmt::Debug for ProcessManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProcessManager").field("name", &self.name).finish_non_exhaustive()
    }
}
