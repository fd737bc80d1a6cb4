//! What is read through the handle: descriptions, lists, counts, histories, exports, queries.
//!
//! Invariant: a read is made on a snapshot of the store and never disturbs the loop; what it answers
//! passes through [`Engine::shown`].

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use super::Engine;
use crate::runtime::{panics, published, read_run};
use crate::view::{
    self, ExportPage, ExportQuery, ExportedRun, GroupBy, HistoryPage, QueueDescription, RunCounts,
    RunDescription, RunPage,
};
use crate::{AttributeType, ListFilter, ListOrder, Payload, Rejection, Selector};

impl Engine {
    /// Everything about one run but its events. Reads the store, so it may block for a moment.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`].
    pub fn describe(&self, selector: &Selector) -> Result<RunDescription, Rejection> {
        let snapshot = self.inner.store.snapshot()?;
        let held = |id| self.inner.queues.held_by(id, self.now());
        let now = self.now();
        let registry = &self.inner.registry;
        let run = view::describe(&*snapshot, registry, &held, selector, now, self.refers)?;
        Ok(self.shown(run))
    }

    /// The task queues of a namespace: declared, set at run time, or used since the start.
    pub fn queues(&self, namespace: &str) -> Vec<QueueDescription> {
        self.inner.queues.describe(namespace, self.now())
    }

    /// A page of the list, newest first. Reads the store, so it may block for a moment.
    ///
    /// # Errors
    /// [`Rejection::InvalidRequest`] when the page token is not one of ours.
    pub fn list(
        &self,
        filter: &ListFilter,
        page_size: usize,
        page_token: Option<&str>,
    ) -> Result<RunPage, Rejection> {
        self.list_in_order(filter, &ListOrder::default(), page_size, page_token)
    }

    /// A page of the list in another order. Reads the store, so it may block for a moment.
    ///
    /// # Errors
    /// [`Rejection::InvalidRequest`] when the page token is not one of ours.
    pub fn list_in_order(
        &self,
        filter: &ListFilter,
        order: &ListOrder,
        page_size: usize,
        page_token: Option<&str>,
    ) -> Result<RunPage, Rejection> {
        let filter = self.inner.registry.check_filter(filter)?;
        let snapshot = self.inner.store.snapshot()?;
        let page = view::list_in_order(&*snapshot, &filter, order, page_size, page_token)?;
        Ok(self.shown(page))
    }

    /// The search attributes that the worker declares, and their types.
    pub fn search_attributes(&self) -> BTreeMap<&'static str, AttributeType> {
        self.inner.registry.attributes.clone()
    }

    /// How many runs pass a filter, and how many of them are in each group. Counters tell, where
    /// there are any; else as many runs are looked at as one request may. Reads the store, so it
    /// may block for a moment.
    ///
    /// # Errors
    /// What the store refuses.
    pub fn count(
        &self,
        filter: &ListFilter,
        group_by: Option<&GroupBy>,
    ) -> Result<RunCounts, Rejection> {
        let filter = self.inner.registry.check_filter(filter)?;
        if let (true, Some(GroupBy::Attribute(name))) = (self.hides_values, group_by) {
            return Err(Rejection::InvalidRequest(format!(
                "the values of search attribute `{name}` are hidden here"
            )));
        }
        let counts = view::count(&*self.inner.store.snapshot()?, &filter, group_by)?;
        Ok(self.shown(counts))
    }

    /// A page of a run's history from event `from` (from 1). Reads the store, so it may block for
    /// a moment.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`].
    pub fn history(
        &self,
        selector: &Selector,
        from: u64,
        limit: usize,
    ) -> Result<HistoryPage, Rejection> {
        let snapshot = self.inner.store.snapshot()?;
        Ok(self.shown(view::page_of_history(&*snapshot, selector, from, limit, self.refers)?))
    }

    /// One payload of an event, wherever it lies: the one that a
    /// [`PayloadReference`](crate::PayloadReference) names.
    /// Reads the store, so it may block for a moment.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`]; [`Rejection::PayloadNotFound`] when the run has no such
    /// event or the event no such payload.
    pub fn payload(
        &self,
        selector: &Selector,
        event_id: u64,
        index: u16,
    ) -> Result<Payload, Rejection> {
        let snapshot = self.inner.store.snapshot()?;
        Ok(self.shown(view::payload_of_event(&*snapshot, selector, event_id, index)?))
    }

    /// A run with its history as one document, from event `from` (from 1). Reads the store, so it
    /// may block for a moment.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`].
    pub fn export(&self, selector: &Selector, from: u64) -> Result<ExportedRun, Rejection> {
        Ok(self.shown(view::export(&*self.inner.store.snapshot()?, selector, from)?))
    }

    /// A page of runs with their histories, newest first, of every namespace. Reads the store, so
    /// it may block for a moment.
    ///
    /// # Errors
    /// [`Rejection::InvalidRequest`] when the page token is not one of ours.
    pub fn export_page(&self, query: &ExportQuery) -> Result<ExportPage, Rejection> {
        let page = view::export_page(&*self.inner.store, query, view::PAGE_BYTES)?;
        let runs = self.shown(page.runs);
        Ok(ExportPage { runs, ..page })
    }

    /// What the workflow published last under a name, also after it closed.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`], [`Rejection::QueryNotFound`].
    pub fn query(&self, selector: &Selector, name: &str) -> Result<Payload, Rejection> {
        let snapshot = self.inner.store.snapshot()?;
        let record = read_run(&*snapshot, selector)?;
        let published = |run_id| published::read(&*snapshot, &record.namespace, run_id, name);
        let mut found = published(record.run_id)?;
        if let (None, None, Some(before)) = (&found, selector.run_id, record.continued_from()) {
            // A run that has just begun: what the one before it published still holds.
            found = published(before)?;
        }
        let missing = || Rejection::QueryNotFound(selector.workflow_id.clone(), name.to_owned());
        found.map(|found| self.shown(found)).ok_or_else(missing)
    }

    /// As [`Engine::query`], for queries that take an argument: what the type's handler answers
    /// from published state (see [`Worker::query`]), or the published value itself where no
    /// handler is registered.
    ///
    /// # Errors
    /// As [`Engine::query`]; an argument that the query cannot take.
    pub fn query_with(
        &self,
        selector: &Selector,
        name: &str,
        argument: &Payload,
    ) -> Result<Payload, Rejection> {
        self.limits().check("query argument", argument)?;
        let snapshot = self.inner.store.snapshot()?;
        let record = read_run(&*snapshot, selector)?;
        let queries = &self.inner.registry.queries;
        let handler = queries.get(&*record.workflow_type).and_then(|queries| queries.get(name));
        let published = handler.map_or(name, |handler| handler.state);
        let state = published::read(&*snapshot, &record.namespace, record.run_id, published)?
            .ok_or_else(|| Rejection::QueryNotFound(selector.workflow_id.clone(), name.into()))?;
        let Some(handler) = handler else { return Ok(self.shown(state)) };
        // The handler is the user's code.
        let answered = panics::catch(AssertUnwindSafe(|| (handler.answer)(&state, argument)));
        let answered =
            answered.unwrap_or_else(|panic| Err(format!("it panicked: {}", panic.message)));
        let answer = answered.map_err(|error| {
            let kind = &record.workflow_type;
            Rejection::Unprocessable(format!(
                "query `{name}` of workflow type `{kind}` cannot be answered: {error}"
            ))
        })?;
        self.limits().check("query result", &answer)?;
        Ok(self.shown(answer))
    }

    /// Everything that a run published.
    pub(crate) fn published(
        &self,
        selector: &Selector,
    ) -> Result<std::collections::BTreeMap<String, Payload>, Rejection> {
        let snapshot = self.inner.store.snapshot()?;
        let record = read_run(&*snapshot, selector)?;
        let published = published::read_all(&*snapshot, &record.namespace, record.run_id)?;
        Ok(published.into_iter().map(|(name, value)| (name, self.shown(value))).collect())
    }
}
