//! What operators ask of the engine: reset, delete, try again now, namespaces.

use super::engine::Engine;
use super::message::Message;
use super::namespaces::{NamespaceChange, NamespaceInfo, NamespaceSettings, check_name};
use crate::{Rejection, ResetRequest, Selector, Started};

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

    /// Deletes a namespace that holds no runs.
    ///
    /// # Errors
    /// [`Rejection::NamespaceNotFound`], [`Rejection::NamespaceNotEmpty`].
    pub async fn delete_namespace(&self, name: &str) -> Result<(), Rejection> {
        self.change_namespace(name, NamespaceChange::Delete).await
    }

    async fn change_namespace(&self, name: &str, change: NamespaceChange) -> Result<(), Rejection> {
        let name = name.to_owned();
        self.ask(|reply| Message::Namespace { name, change, reply }).await
    }
}
