//! What is played: a workflow, its mocks, and what comes from outside at which time.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Played;
use super::crash_store::Death;
use super::play::Stage;
use crate::{
    Activity, ActivityContext, ActivityError, Failure, Payload, Rejection, RunStatus, Signal,
    SignalInput, StartRequest, Worker, Workflow,
};

/// The longest that a scenario takes on its own clock, unless it says otherwise.
const TEN_YEARS: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// Why a scenario could not be played to its end, or has none of the kind that was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestError {
    /// The engine could not be opened, or refused.
    #[error("failed to play: {0}")]
    Engine(String),
    /// A value has another JSON shape than its type.
    #[error("value of another shape: {0}")]
    Shape(#[from] serde_json::Error),
    /// Nothing in the scenario will ever wake the run.
    #[error("run waits for {0}, and nothing in the scenario will wake it")]
    Stalled(String),
    /// The workflow's code cannot go on.
    #[error("task of the run failed: {0}")]
    TaskFailed(String),
    /// Not ended in time.
    #[error("run is still open after {} s on its clock", .0.as_secs())]
    TooLong(Duration),
    /// The workflow did not complete.
    #[error("workflow {status}: {}", because(failure.as_ref()))]
    NotCompleted {
        /// How it ended.
        status: RunStatus,
        /// Why.
        failure: Option<Failure>,
    },
    /// Nothing was published under the name.
    #[error("workflow has published nothing under query `{0}`")]
    NotPublished(String),
}

fn because(failure: Option<&Failure>) -> String {
    failure.map_or(String::new(), |failure| format!("{}: {}", failure.kind, failure.message))
}

impl From<Rejection> for TestError {
    fn from(rejection: Rejection) -> Self {
        Self::Engine(rejection.to_string())
    }
}

/// A run to be played: built up, then [`play`](Self::play)ed. Its clock begins at
/// 2026-01-01T00:00:00Z and skips what nobody waits for.
#[must_use = "nothing happens before `play`"]
pub struct Scenario<O> {
    pub(super) worker: Worker,
    pub(super) start: Result<StartRequest, serde_json::Error>,
    pub(super) stimuli: Vec<Stimulus>,
    pub(super) hanging: Arc<AtomicUsize>,
    pub(super) at_most: Duration,
    output: PhantomData<fn() -> O>,
}

/// Something from outside.
#[derive(Clone, Debug)]
pub(super) struct Stimulus {
    pub(super) after: Duration,
    pub(super) kind: StimulusKind,
}

#[derive(Clone, Debug)]
pub(super) enum StimulusKind {
    Signal(SignalInput),
    Cancel,
}

impl<O: DeserializeOwned> Scenario<O> {
    /// A run of `workflow`, with the worker's code. Its id is `scenario` unless
    /// [`id`](Self::id) names another.
    pub fn new<I: Serialize>(worker: Worker, workflow: Workflow<I, O>, input: &I) -> Self {
        let start = Payload::from_value(input).map(|input| {
            let mut request = StartRequest::new(workflow.name(), input);
            request.workflow_id = Some("scenario".to_owned());
            request.idempotency_key = Some("scenario".to_owned());
            request
        });
        Self {
            worker,
            start,
            stimuli: Vec::new(),
            hanging: Arc::default(),
            at_most: TEN_YEARS,
            output: PhantomData,
        }
    }

    /// The workflow's id.
    pub fn id(mut self, workflow_id: impl Into<String>) -> Self {
        if let Ok(start) = &mut self.start {
            start.workflow_id = Some(workflow_id.into());
        }
        self
    }

    /// Runs `code` in the place of an activity.
    pub fn mock<I, T, F, R>(mut self, activity: Activity<I, T>, code: F) -> Self
    where
        I: DeserializeOwned + Send + 'static,
        T: Serialize + 'static,
        F: Fn(ActivityContext, I) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, ActivityError>> + Send + 'static,
    {
        self.worker = self.worker.activity(activity, code);
        self
    }

    /// The activity answers `output` each time.
    pub fn answers<I, T>(self, activity: Activity<I, T>, output: T) -> Self
    where
        I: DeserializeOwned + Send + 'static,
        T: Serialize + Clone + Send + Sync + 'static,
    {
        self.mock(activity, move |_, _| std::future::ready(Ok(output.clone())))
    }

    /// The activity never ends by itself: its timeouts and its cancellation are what is tested.
    pub fn hangs<I, T>(self, activity: Activity<I, T>) -> Self
    where
        I: DeserializeOwned + Send + 'static,
        T: Serialize + 'static,
    {
        let hanging = Arc::clone(&self.hanging);
        self.mock(activity, move |ctx: ActivityContext, _| {
            let hanging = Arc::clone(&hanging);
            async move {
                let _counted = Counted::new(hanging);
                ctx.cancelled().await;
                Err(ActivityError::cancelled())
            }
        })
    }

    /// Sends a signal so long after the start.
    pub fn signal_after<T: Serialize>(
        mut self,
        after: Duration,
        signal: Signal<T>,
        payload: &T,
    ) -> Self {
        match Payload::from_value(payload) {
            Ok(payload) => {
                let signal = SignalInput { name: signal.name().to_owned(), payload };
                self.stimuli.push(Stimulus { after, kind: StimulusKind::Signal(signal) });
            }
            Err(error) => self.start = Err(error),
        }
        self
    }

    /// Asks the run to end in its own way, so long after the start.
    pub fn cancel_after(mut self, after: Duration) -> Self {
        self.stimuli.push(Stimulus { after, kind: StimulusKind::Cancel });
        self
    }

    /// How long the run may take on its clock; ten years where nothing is said.
    pub fn at_most(mut self, at_most: Duration) -> Self {
        self.at_most = at_most;
        self
    }

    /// Plays it to its end.
    ///
    /// # Errors
    /// When it has none.
    pub fn play(self) -> Result<Played<O>, TestError> {
        Ok(self.play_until(Death::Never)?.0)
    }

    /// Plays it with a crash; whether there was one, and at which event.
    pub(super) fn play_until(
        mut self,
        death: Death,
    ) -> Result<(Played<O>, Option<u64>), TestError> {
        // In the order of time; those of the same time in the order of the scenario.
        self.stimuli.sort_by_key(|stimulus| stimulus.after);
        let mut stage = Stage::set(self, death)?;
        let ended = stage.play();
        let (result, crashed_at) = (ended.map(Played::new), stage.crashed_at());
        stage.clear();
        Ok((result?, crashed_at))
    }
}

/// An attempt that only waits to be told.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
