//! What operators ask of the engine: reset, delete, try again now, namespaces.

use everstep_storage::Range;

use super::Engine;
use crate::batch::is_built_in;
use crate::runtime::keys::{self, OPEN_RUNS};
use crate::runtime::message::Message;
use crate::runtime::namespaces::{NamespaceChange, NamespaceInfo, NamespaceSettings, check_name};
use crate::runtime::record::RunRecord;
use crate::{DEFAULT_NAMESPACE, ListFilter, Rejection, ResetRequest, Selector, Started};

/// Open runs that are counted for somebody who cannot delete their namespace.
const MOST_OPEN: usize = 1_000;

impl Engine {
    /// Begins a new run of the same id with the history of a run, open or closed, up to an event;
    /// an open run of the id is terminated in the same commit.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`]; [`Rejection::Unprocessable`] when the event does not
    /// exist or closes the run, when an edit cannot be made, or when the code registered now does
    /// not follow the history.
    pub async fn reset(
        &self,
        selector: &Selector,
        request: ResetRequest,
    ) -> Result<Started, Rejection> {
        if let Some(input) = &request.input {
            self.limits().check("input", input)?;
        }
        for edit in &request.edits {
            for value in [&edit.result, &edit.payload].into_iter().flatten() {
                self.limits().check("edit", value)?;
            }
        }
        let (selector, request) = (Box::new(selector.clone()), Box::new(request));
        self.ask(|reply| Message::Reset { selector, request, reply }).await
    }

    /// Deletes a closed run with everything that is stored of it.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`], [`Rejection::WorkflowOpen`].
    pub async fn delete(&self, selector: &Selector) -> Result<(), Rejection> {
        let selector = Box::new(selector.clone());
        self.ask(|reply| Message::Delete { selector, reply }).await
    }

    /// Starts the next attempt of an activity now that waits for it.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`], [`Rejection::WorkflowClosed`],
    /// [`Rejection::NoSuchActivity`], [`Rejection::ActivityNotWaiting`].
    pub async fn retry_activity(
        &self,
        selector: &Selector,
        activity_id: u32,
    ) -> Result<(), Rejection> {
        let selector = Box::new(selector.clone());
        self.ask(|reply| Message::RetryActivity { selector, activity_id, reply }).await
    }

    /// Tries the code of a stuck run again now.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`], [`Rejection::WorkflowClosed`],
    /// [`Rejection::TaskNotFailed`].
    pub async fn retry_task(&self, selector: &Selector) -> Result<(), Rejection> {
        let selector = Box::new(selector.clone());
        self.ask(|reply| Message::RetryTask { selector, reply }).await
    }

    /// All namespaces, by name.
    pub fn namespaces(&self) -> Vec<NamespaceInfo> {
        self.inner().namespaces.infos()
    }

    /// One namespace.
    ///
    /// # Errors
    /// [`Rejection::NamespaceNotFound`].
    pub fn namespace(&self, name: &str) -> Result<NamespaceInfo, Rejection> {
        let found = self.namespaces().into_iter().find(|namespace| namespace.name == name);
        found.ok_or_else(|| Rejection::NamespaceNotFound(name.to_owned()))
    }

    /// Refuses a name that no namespace has.
    ///
    /// # Errors
    /// [`Rejection::NamespaceNotFound`].
    pub fn check_namespace(&self, name: &str) -> Result<(), Rejection> {
        self.inner().namespaces.check(name)
    }

    /// Returns when the namespace that has the name now is gone: for who waits for something in it.
    pub async fn namespace_gone(&self, name: &str) {
        self.inner().namespaces.gone(name).await;
    }

    /// Creates a namespace.
    ///
    /// # Errors
    /// [`Rejection::InvalidRequest`] for a name that cannot be one,
    /// [`Rejection::NamespaceAlreadyExists`].
    pub async fn create_namespace(
        &self,
        name: &str,
        settings: NamespaceSettings,
    ) -> Result<(), Rejection> {
        check_name(name)?;
        self.change_namespace(name, NamespaceChange::Create(settings)).await
    }

    /// Replaces a namespace's settings.
    ///
    /// # Errors
    /// [`Rejection::NamespaceNotFound`].
    pub async fn update_namespace(
        &self,
        name: &str,
        settings: NamespaceSettings,
    ) -> Result<(), Rejection> {
        self.change_namespace(name, NamespaceChange::Update(settings)).await
    }

    /// Deletes a namespace that holds no runs but the engine's own closed ones, and timers of
    /// what goes with it ([`Worker::built_in_timer`](crate::Worker::built_in_timer)).
    ///
    /// # Errors
    /// [`Rejection::NamespaceNotFound`], [`Rejection::NamespaceNotEmpty`].
    pub async fn delete_namespace(&self, name: &str) -> Result<(), Rejection> {
        match self.change_namespace(name, NamespaceChange::Delete).await {
            Err(Rejection::NamespaceNotEmpty(name, why)) if name != DEFAULT_NAMESPACE => {
                let why = self.what_holds(&name)?.unwrap_or(why);
                Err(Rejection::NamespaceNotEmpty(name, why))
            }
            deleted => deleted,
        }
    }

    /// Why a namespace cannot be deleted: which of its runs goes on, and what it waits for.
    fn what_holds(&self, name: &str) -> Result<Option<String>, Rejection> {
        let prefix = keys::namespace(name);
        let open = {
            let snapshot = self.inner().store.snapshot()?;
            let range = Range::prefix(OPEN_RUNS, &prefix).limit(MOST_OPEN + 1);
            snapshot.range(range)?
        };
        let open = open.iter().map(|(_, stored)| RunRecord::read(stored));
        let mut open = open.collect::<Result<Vec<_>, _>>()?;
        open.retain(|run| !self.inner().registry.timers.contains(&*run.workflow_type));
        let Some(RunRecord { workflow_id, workflow_type, run_id, .. }) = open.first() else {
            let filter = ListFilter { namespace: name.to_owned(), ..ListFilter::default() };
            let closed = self.count(&filter, None)?.count;
            let what = format!("it holds {closed} closed runs: delete them, or set its retention");
            return Ok((closed > 0).then_some(what));
        };
        let selector = Selector {
            namespace: name.to_owned(),
            workflow_id: workflow_id.clone(),
            run_id: Some(*run_id),
        };
        let timers = self.describe(&selector).map(|run| run.pending_timers).unwrap_or_default();
        let until = timers.iter().map(|timer| timer.fires_at).min();
        let until = until.map_or_else(String::new, |at| format!(", until {at} at least"));
        let more = match open.len() - 1 {
            0 => String::new(),
            MOST_OPEN => format!(", and more than {MOST_OPEN} others are"),
            more => format!(", and {more} more are"),
        };
        let own = if is_built_in(workflow_type) { "the engine's own " } else { "" };
        Ok(Some(format!("{own}workflow `{workflow_id}` ({workflow_type}) is open{until}{more}")))
    }

    async fn change_namespace(&self, name: &str, change: NamespaceChange) -> Result<(), Rejection> {
        let name = name.to_owned();
        self.ask(|reply| Message::Namespace { name, change, reply }).await
    }
}
