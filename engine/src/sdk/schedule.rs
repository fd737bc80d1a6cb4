//! Schedules that a program declares with its worker.
//!
//! Invariant: a declaration is applied when it says something new, and only then: what was changed
//! by hand since stays until the program says something else.

use std::time::Duration;

use serde::Serialize;

use super::{Worker, Workflow};
use crate::schedule::{
    CalendarSpec, Overlap, ScheduleAction, ScheduleDefinition, ScheduleInput, ScheduleSpec,
    Timetable,
};
use crate::{DEFAULT_NAMESPACE, Payload};

/// A schedule in the program's text, for [`Worker::schedule`] and
/// [`TransactionContext::create_schedule`](super::TransactionContext::create_schedule).
///
/// ```
/// use everstep_engine::{Overlap, Schedule, Worker, Workflow, WorkflowContext, WorkflowError};
///
/// const REPORT: Workflow<String, ()> = Workflow::new("report");
///
/// async fn report(_: &WorkflowContext, _: String) -> Result<(), WorkflowError> {
///     Ok(())
/// }
///
/// let nightly = Schedule::new("nightly-report", REPORT, &"sales".to_owned())
///     .cron("0 3 * * *")
///     .timezone("Europe/Berlin")
///     .overlap(Overlap::BufferOne);
/// let worker = Worker::new().workflow(REPORT, report).schedule(nightly);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a schedule is declared by `Worker::schedule` or created by a transaction"]
pub struct Schedule {
    id: String,
    namespace: String,
    input: ScheduleInput,
    mistake: Option<String>,
}

/// A schedule that a worker declares.
#[derive(Clone, Debug)]
pub(crate) struct DeclaredSchedule {
    pub(crate) namespace: String,
    pub(crate) id: String,
    pub(crate) input: ScheduleInput,
}

impl Schedule {
    /// A schedule that starts `workflow` with `input`; say when by [`Schedule::cron`],
    /// [`Schedule::every`] or [`Schedule::calendar`].
    pub fn new<I: Serialize, O>(
        id: impl Into<String>,
        workflow: Workflow<I, O>,
        input: &I,
    ) -> Self {
        let id = id.into();
        let (payload, mistake) = match Payload::from_value(input) {
            Ok(payload) => (payload, None),
            Err(error) => (Payload::null(), Some(format!("schedule `{id}`: its input: {error}"))),
        };
        let action = ScheduleAction {
            workflow_type: workflow.name().to_owned(),
            input: payload,
            ..ScheduleAction::default()
        };
        let definition = ScheduleDefinition::new(ScheduleSpec::default(), action);
        let input = ScheduleInput { definition, ..ScheduleInput::default() };
        Self { id, namespace: DEFAULT_NAMESPACE.to_owned(), input, mistake }
    }

    /// Fires when this cron expression says; may be said several times.
    pub fn cron(mut self, expression: impl Into<String>) -> Self {
        self.input.definition.spec.cron.push(expression.into());
        self
    }

    /// Fires once in every `interval`, counted from 1970 UTC.
    pub fn every(mut self, interval: Duration) -> Self {
        self.input.definition.spec.interval_ms = Some(millis(interval));
        self
    }

    /// Fires when all fields of this calendar match; may be said several times.
    pub fn calendar(mut self, calendar: CalendarSpec) -> Self {
        self.input.definition.spec.calendars.push(calendar);
        self
    }

    /// The IANA time zone of its expressions; UTC where none is said.
    pub fn timezone(mut self, name: impl Into<String>) -> Self {
        self.input.definition.spec.timezone = Some(name.into());
        self
    }

    /// Fires up to so much later, always the same for the same instant.
    pub fn jitter(mut self, at_most: Duration) -> Self {
        self.input.definition.spec.jitter_ms = Some(millis(at_most));
        self
    }

    /// What to do while a run is open; firings are skipped where nothing is said.
    pub fn overlap(mut self, overlap: Overlap) -> Self {
        self.input.definition.overlap = overlap;
        self
    }

    /// How late a firing may be made up; a year where nothing is said.
    pub fn catchup_window(mut self, window: Duration) -> Self {
        self.input.definition.catchup_window_ms = millis(window);
        self
    }

    /// After so many runs it is finished.
    pub fn limit(mut self, runs: u64) -> Self {
        self.input.definition.limit = Some(runs);
        self
    }

    /// What the runs' workflow ids begin with; the schedule's id where nothing is said.
    pub fn id_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.input.definition.action.id_prefix = Some(prefix.into());
        self
    }

    /// A word for whoever reads it.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.input.note = Some(note.into());
        self
    }

    /// The namespace that it stands in; `default` where nothing is said.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// The schedule's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its id and what is asked of the engine, or what is wrong with its input.
    pub(crate) fn into_parts(self) -> Result<(String, ScheduleInput), String> {
        match self.mistake {
            Some(mistake) => Err(mistake),
            None => Ok((self.id, self.input)),
        }
    }

    /// What is asked of the engine.
    pub const fn input(&self) -> &ScheduleInput {
        &self.input
    }
}

impl Worker {
    /// Declares a schedule: it is created when the engine opens and there is none of that id, and
    /// changed when the declaration has changed since the last start. A declaration that is gone
    /// deletes nothing.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        let Schedule { id, namespace, input, mistake } = schedule;
        let registry = self.registry_mut();
        registry.mistakes.extend(mistake);
        if let Err(mistake) = Timetable::of(&input.definition.spec) {
            registry.mistakes.push(format!("schedule `{id}`: {mistake}"));
        }
        registry.schedules.push(DeclaredSchedule { namespace, id, input });
        self
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
