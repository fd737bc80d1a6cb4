//! Schedules, as everyone else speaks of them to the engine.

use super::{Engine, Inner, OpenError};
use crate::runtime::message::{Message, ScheduleAct, ScheduleAnswer, ScheduleRequest};
use crate::runtime::schedules;
use crate::schedule::{Backfill, Overlap, ScheduleAction, ScheduleInput, ScheduleSpec};
use crate::sdk::DeclaredSchedule;
use crate::view::{self, ScheduleDescription, SchedulePage, Triggered, Upcoming};
use crate::{Rejection, StartRequest, Timestamp};

/// What a scheduled workflow's id may begin with, in bytes: a time comes after it.
const MAX_PREFIX_BYTES: usize = 480;
/// Firings that a preview shows at most.
const MAX_PREVIEWED: usize = 1_000;

impl Engine {
    /// Creates a schedule; durable when answered.
    ///
    /// # Errors
    /// [`Rejection::ScheduleAlreadyExists`], or what is wrong with the spec or the action.
    pub async fn create_schedule(
        &self,
        namespace: &str,
        schedule_id: &str,
        input: ScheduleInput,
    ) -> Result<(), Rejection> {
        self.inner().check_action(namespace, schedule_id, &input.definition.action)?;
        self.on_schedule(namespace, schedule_id, ScheduleAct::Create(input)).await.map(drop)
    }

    /// Replaces what a schedule's owner decides. What it did stays; no instant fires twice.
    ///
    /// # Errors
    /// [`Rejection::ScheduleNotFound`], or what is wrong with the spec or the action.
    pub async fn update_schedule(
        &self,
        namespace: &str,
        schedule_id: &str,
        input: ScheduleInput,
    ) -> Result<(), Rejection> {
        self.inner().check_action(namespace, schedule_id, &input.definition.action)?;
        self.on_schedule(namespace, schedule_id, ScheduleAct::Update(input)).await.map(drop)
    }

    /// Stops a schedule from starting anything of its own.
    ///
    /// # Errors
    /// [`Rejection::ScheduleNotFound`].
    pub async fn pause_schedule(
        &self,
        namespace: &str,
        schedule_id: &str,
        note: Option<String>,
    ) -> Result<(), Rejection> {
        self.on_schedule(namespace, schedule_id, ScheduleAct::Pause(note)).await.map(drop)
    }

    /// Lets a paused schedule go on from now.
    ///
    /// # Errors
    /// [`Rejection::ScheduleNotFound`].
    pub async fn resume_schedule(
        &self,
        namespace: &str,
        schedule_id: &str,
        note: Option<String>,
    ) -> Result<(), Rejection> {
        self.on_schedule(namespace, schedule_id, ScheduleAct::Resume(note)).await.map(drop)
    }

    /// Fires a schedule once more, now; `overlap` says what to do when a run is open.
    ///
    /// # Errors
    /// [`Rejection::ScheduleNotFound`], or why its workflow could not be started.
    pub async fn trigger_schedule(
        &self,
        namespace: &str,
        schedule_id: &str,
        overlap: Option<Overlap>,
    ) -> Result<Triggered, Rejection> {
        let act = ScheduleAct::Trigger(overlap);
        match self.on_schedule(namespace, schedule_id, act).await? {
            ScheduleAnswer::Triggered(outcome) => Ok(outcome),
            _ => Ok(Triggered::Buffered { waits_for: None }),
        }
    }

    /// Makes up firings of the past, one after the other; answers how many there are.
    ///
    /// # Errors
    /// [`Rejection::ScheduleNotFound`], [`Rejection::Unprocessable`] when there are too many.
    pub async fn backfill_schedule(
        &self,
        namespace: &str,
        schedule_id: &str,
        backfill: Backfill,
    ) -> Result<u64, Rejection> {
        let act = ScheduleAct::Backfill(backfill);
        match self.on_schedule(namespace, schedule_id, act).await? {
            ScheduleAnswer::Backfilled(count) => Ok(count),
            _ => Ok(0),
        }
    }

    /// Deletes a schedule. Runs that it started go on.
    ///
    /// # Errors
    /// [`Rejection::ScheduleNotFound`].
    pub async fn delete_schedule(
        &self,
        namespace: &str,
        schedule_id: &str,
    ) -> Result<(), Rejection> {
        self.on_schedule(namespace, schedule_id, ScheduleAct::Delete).await.map(drop)
    }

    /// Everything about one schedule. Reads the store, so it may block for a moment.
    ///
    /// # Errors
    /// [`Rejection::ScheduleNotFound`].
    pub fn schedule(
        &self,
        namespace: &str,
        schedule_id: &str,
    ) -> Result<ScheduleDescription, Rejection> {
        let snapshot = self.store().snapshot()?;
        let schedule = schedules::read(&*snapshot, namespace, schedule_id)?
            .ok_or_else(|| Rejection::ScheduleNotFound(schedule_id.to_owned()))?;
        Ok(self.shown(ScheduleDescription::of(&schedule, namespace, self.now())))
    }

    /// A page of schedules in the order of their ids. Reads the store, so it may block for a
    /// moment.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn schedules(
        &self,
        namespace: &str,
        id_prefix: &str,
        page_size: usize,
        page_token: Option<&str>,
    ) -> Result<SchedulePage, Rejection> {
        let store = &**self.store();
        let now = self.now();
        let page = view::list_schedules(store, namespace, id_prefix, page_size, page_token, now)?;
        let schedules = self.shown(page.schedules);
        Ok(SchedulePage { schedules, ..page })
    }

    /// The next firings of a spec, whether there is a schedule of that id or not (jitter depends
    /// on it).
    ///
    /// # Errors
    /// What is wrong with the spec.
    pub fn preview_schedule(
        &self,
        schedule_id: &str,
        spec: &ScheduleSpec,
        after: Option<Timestamp>,
        count: usize,
    ) -> Result<Vec<Upcoming>, Rejection> {
        let after = after.unwrap_or_else(|| self.now());
        view::preview(schedule_id, spec, after, count.min(MAX_PREVIEWED))
    }

    /// Hands the schedules that the worker declares to the loop, before any request.
    pub(in crate::runtime) fn declare_schedules(&self) -> Result<(), OpenError> {
        for DeclaredSchedule { namespace, id, input } in &self.inner.registry.schedules {
            self.inner()
                .check_action(namespace, id, &input.definition.action)
                .map_err(|error| OpenError::Worker(format!("schedule `{id}`: {error}")))?;
            let act = ScheduleAct::Declare(input.clone(), input.fingerprint());
            let (namespace, schedule_id) = (namespace.clone(), id.clone());
            let request = Box::new(ScheduleRequest { namespace, schedule_id, act });
            // The loop itself says what it refuses.
            let (reply, _) = tokio::sync::oneshot::channel();
            self.inner.inbox.push(Message::Schedule { request, reply });
        }
        Ok(())
    }

    async fn on_schedule(
        &self,
        namespace: &str,
        schedule_id: &str,
        act: ScheduleAct,
    ) -> Result<ScheduleAnswer, Rejection> {
        let (namespace, schedule_id) = (namespace.to_owned(), schedule_id.to_owned());
        let request = Box::new(ScheduleRequest { namespace, schedule_id, act });
        self.ask(|reply| Message::Schedule { request, reply }).await
    }
}

impl Inner {
    /// Refuses an action that could start nothing.
    pub(in crate::runtime) fn check_action(
        &self,
        namespace: &str,
        schedule_id: &str,
        action: &ScheduleAction,
    ) -> Result<(), Rejection> {
        let prefix = action.id_prefix.as_deref().unwrap_or(schedule_id);
        if prefix.is_empty() || prefix.len() > MAX_PREFIX_BYTES {
            return Err(Rejection::InvalidRequest(format!(
                "field `action.id_prefix`, or the schedule's id in its place, has {} bytes; it \
                 must have 1 to {MAX_PREFIX_BYTES}, since a time comes after it",
                prefix.len()
            )));
        }
        if prefix.chars().any(char::is_control) {
            return Err(Rejection::InvalidRequest(
                "field `action.id_prefix` contains a control character".into(),
            ));
        }
        let mut request = StartRequest::new(action.workflow_type.clone(), action.input.clone());
        namespace.clone_into(&mut request.namespace);
        request.memo = action.memo.clone();
        self.check_start(&request)
    }
}
