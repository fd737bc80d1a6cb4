//! A projection's name and its code: which events, which rows they touch, what becomes of a row.
//!
//! Invariant: the code is pure. The same row and the same event give the same row, on the server
//! for the durable row as for the one that is ahead of it.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use everstep_activities::language::{DeclaredLanguage, Language};
use everstep_engine::log::{Category as EventCategory, Query, QueryItem, RecordedEvent};
use everstep_engine::{ActivityError, Payload, Rejection, TransactionContext};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::inline;
use super::{Category, Delivery, ProjectionError, ProjectionService, RowQuery};

/// The durable name of a projection, what it is for, and what a row of it holds.
///
/// ```
/// use everstep_workflows::projections::{Category, Projection};
///
/// /// Orders by customer.
/// const ORDERS: Projection<Vec<String>> = Projection::new("customerOrders", Category::View);
/// ```
///
/// There is none without a category:
///
/// ```compile_fail
/// use everstep_workflows::projections::Projection;
///
/// const ORDERS: Projection<Vec<String>> = Projection::new("customerOrders");
/// ```
pub struct Projection<S> {
    name: &'static str,
    category: Category,
    states: PhantomData<fn() -> S>,
}

impl<S> Clone for Projection<S> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S> Copy for Projection<S> {}

impl<S> Projection<S> {
    /// A projection of this name and category.
    pub const fn new(name: &'static str, category: Category) -> Self {
        Self { name, category, states: PhantomData }
    }

    /// Its durable name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it is for.
    pub const fn category(&self) -> Category {
        self.category
    }
}

impl<S: Serialize + DeserializeOwned> Projection<S> {
    /// The row under `key` within a transaction, with the events that the transaction itself has
    /// appended: what logic projections are for.
    ///
    /// # Errors
    /// `projection_behind`, retryable, while a projection that is new to its events catches up, and
    /// always for one that is not kept inline; when the row cannot be read.
    pub fn get(&self, tx: &TransactionContext<'_>, key: &str) -> Result<Option<S>, ActivityError> {
        let row = inline::current_row(tx, self.name, key)?;
        row.map(|row| Ok(row.to()?)).transpose()
    }

    /// The row under `key` as it is durable, with the events that are not in it yet.
    ///
    /// # Errors
    /// When there is no such projection or namespace, or the row has another shape.
    pub fn row_of(
        &self,
        service: &ProjectionService,
        namespace: &str,
        key: &str,
    ) -> Result<Option<S>, ProjectionError> {
        match service.row(namespace, self.name, key) {
            Ok(view) => view.state.map(|state| self.decode(&state)).transpose(),
            Err(ProjectionError::RowNotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A page of rows.
    ///
    /// # Errors
    /// As [`Projection::row_of`].
    pub fn rows_of(
        &self,
        service: &ProjectionService,
        namespace: &str,
        query: &RowQuery,
    ) -> Result<TypedRows<S>, ProjectionError> {
        let page = service.rows(namespace, self.name, query)?;
        let rows = page.rows.into_iter().filter_map(|row| Some((row.key, row.state?)));
        let rows = rows.map(|(key, state)| Ok((key, self.decode(&state)?)));
        let rows = rows.collect::<Result<_, ProjectionError>>()?;
        Ok(TypedRows { rows, next_page_token: page.next_page_token })
    }

    fn decode(&self, state: &Payload) -> Result<S, ProjectionError> {
        state.to().map_err(|error| {
            let what = format!("a row of projection `{}` has another shape: {error}", self.name);
            Rejection::Corrupt(what).into()
        })
    }

    /// Its code: which rows an event touches, and what becomes of each (none: it goes). A row may
    /// be built from events of many streams. An error stops the projection at the event; inline, it
    /// undoes the transaction.
    pub fn row<I>(
        self,
        keys: impl Fn(&RecordedEvent) -> I + Send + Sync + 'static,
        evolve: impl Fn(Option<S>, &RecordedEvent) -> Result<Option<S>, String> + Send + Sync + 'static,
    ) -> ProjectionCode
    where
        I: IntoIterator<Item = String>,
        S: 'static,
    {
        self.rows(keys, move |_, row, event| evolve(row, event))
    }

    /// As [`Projection::row`], for events that say something else to each row that they touch: the
    /// code is told the row's key.
    pub fn rows<I>(
        self,
        keys: impl Fn(&RecordedEvent) -> I + Send + Sync + 'static,
        evolve: impl Fn(&str, Option<S>, &RecordedEvent) -> Result<Option<S>, String>
        + Send
        + Sync
        + 'static,
    ) -> ProjectionCode
    where
        I: IntoIterator<Item = String>,
        S: 'static,
    {
        let keys = move |event: &RecordedEvent| keys(event).into_iter().collect();
        let evolve = move |key: &str, row: Option<&Payload>, event: &RecordedEvent| {
            let row = row.map(Payload::to::<S>).transpose();
            let row = row.map_err(|error| format!("the row has another shape: {error}"))?;
            let next = evolve(key, row, event)?;
            let next = next.map(|next| Payload::from_value(&next)).transpose();
            next.map_err(|error| format!("the row has no json form: {error}"))
        };
        ProjectionCode {
            name: self.name,
            category: self.category,
            delivery: self.category.delivery(),
            contract: None,
            publishes: None,
            query: Query::all(),
            indexes: Vec::new(),
            complexity: Complexity::Simple,
            language: OnceLock::new(),
            keys: Arc::new(keys),
            evolve: Arc::new(evolve),
        }
    }
}

/// How much work an event is for a projection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Complexity {
    /// A row or two, a few fields: a hundred events at once.
    #[default]
    Simple,
    /// Several rows, or rows of some size: fifty.
    Medium,
    /// Many rows, or large ones: twenty-five.
    Complex,
    /// Whatever is more than that: ten.
    VeryComplex,
}

impl Complexity {
    /// Events that one transaction of a rebuild takes in.
    pub const fn chunk_size(self) -> usize {
        match self {
            Self::Simple => 100,
            Self::Medium => 50,
            Self::Complex => 25,
            Self::VeryComplex => 10,
        }
    }
}

/// A page of rows as their type.
#[derive(Clone, Debug, PartialEq)]
pub struct TypedRows<S> {
    /// With their keys, in the order of these.
    pub rows: Vec<(String, S)>,
    /// Where the next page begins; absent at the end.
    pub next_page_token: Option<String>,
}

type KeysOf = dyn Fn(&RecordedEvent) -> Vec<String> + Send + Sync;
type Evolve =
    dyn Fn(&str, Option<&Payload>, &RecordedEvent) -> Result<Option<Payload>, String> + Send + Sync;

/// A projection with its code, as a worker registers it.
#[derive(Clone)]
pub struct ProjectionCode {
    pub(crate) name: &'static str,
    pub(crate) category: Category,
    pub(crate) delivery: Delivery,
    pub(crate) contract: Option<&'static str>,
    /// The type of the events by which other contexts are told of its rows.
    pub(crate) publishes: Option<&'static str>,
    pub(crate) query: Query,
    /// Fields by which rows are found.
    pub(crate) indexes: Vec<&'static str>,
    pub(crate) complexity: Complexity,
    /// What the worker declares of events; the code is shown all of them in the newest version.
    language: OnceLock<Option<Language>>,
    keys: Arc<KeysOf>,
    evolve: Arc<Evolve>,
}

impl ProjectionCode {
    /// Only events of these types; all of them otherwise.
    #[must_use]
    pub fn events<T: Into<Box<str>>>(self, types: impl IntoIterator<Item = T>) -> Self {
        let types = types.into_iter().map(Into::into).collect();
        self.matching(Query { items: vec![QueryItem { types, tags: Vec::new() }] })
    }

    /// Only events that match.
    #[must_use]
    pub fn matching(mut self, query: Query) -> Self {
        self.query = query;
        self
    }

    /// Finds rows by this field, a path with dots such as `customer.id`, without looking at the
    /// others. One that is added when there are rows is not used until the projection is rebuilt.
    #[must_use]
    pub fn index(mut self, field: &'static str) -> Self {
        self.indexes.push(field);
        self
    }

    /// How much work an event is: how many of them a rebuild takes in with one transaction.
    #[must_use]
    pub const fn complexity(mut self, complexity: Complexity) -> Self {
        self.complexity = complexity;
        self
    }

    /// Kept in the transactions that append.
    #[must_use]
    pub const fn inline(mut self) -> Self {
        self.delivery = Delivery::Inline;
        self
    }

    /// Kept from a checkpoint, beside the transactions.
    #[must_use]
    pub const fn asynchronous(mut self) -> Self {
        self.delivery = Delivery::Async;
        self
    }

    /// The contract that defines what an integration projection tells, such as
    /// `orderStatusForShipping v1`.
    #[must_use]
    pub const fn contract(mut self, contract: &'static str) -> Self {
        self.contract = Some(contract);
        self
    }

    /// Tells other contexts of each row of an integration projection that has changed, by an event
    /// of this type: its data is the whole row, or `null` where the row has gone, its stream
    /// `PROJECTION:KEY`, its schema version the number at the end of the contract. Hand it on with
    /// [`WorkerPublications`](crate::publication::WorkerPublications), or subscribe to it.
    ///
    /// It tells what happened and never what it was told: no integration event touches its rows.
    #[must_use]
    pub const fn publishes(mut self, event_type: &'static str) -> Self {
        self.publishes = Some(event_type);
        self
    }

    /// Tells the code what the worker declares of events. It is the same each time.
    pub(super) fn read_in(&self, declared: Option<&DeclaredLanguage>) {
        self.language.get_or_init(|| declared.map(|declared| declared.language().clone()));
    }

    /// The event as today's code reads it.
    fn newest<'e>(&self, event: &'e RecordedEvent) -> Result<Cow<'e, RecordedEvent>, String> {
        match self.language.get() {
            Some(Some(language)) => language.in_newest(event).map_err(|error| error.to_string()),
            _ => Ok(Cow::Borrowed(event)),
        }
    }

    /// The same for whoever folds it elsewhere; one that cannot be migrated as it was written, which
    /// `evolve` refuses there as here.
    pub(super) fn newest_or_stored(&self, event: &RecordedEvent) -> RecordedEvent {
        self.newest(event).map_or_else(|_| event.clone(), Cow::into_owned)
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Refuses what the category does not allow.
    pub(super) fn check(&self) -> Result<(), ProjectionError> {
        check(self.name, self.category, self.delivery, self.contract)?;
        if self.publishes.is_none() || self.category == Category::Integration {
            return Ok(());
        }
        let (name, reason) =
            (self.name.to_owned(), "only integration projections publish".to_owned());
        Err(ProjectionError::Invalid { name, reason })
    }

    /// The rows that an event touches, each once; none for an event that is not the projection's.
    pub fn keys_of(&self, event: &RecordedEvent) -> Vec<String> {
        let is_told = self.publishes.is_some() && event.category() == EventCategory::Integration;
        if is_told || !self.query.matches(event) {
            return Vec::new();
        }
        // One that cannot be migrated touches what its stored form names; `evolve` refuses it.
        let event = self.newest(event).unwrap_or(Cow::Borrowed(event));
        let mut keys = (self.keys)(&event);
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// What becomes of a row: on the server, and on a client that has the same code.
    ///
    /// # Errors
    /// What the code says against the event. A panic of the code is an error, too.
    pub fn evolve(
        &self,
        key: &str,
        row: Option<&Payload>,
        event: &RecordedEvent,
    ) -> Result<Option<Payload>, String> {
        let event = self.newest(event)?;
        let run = std::panic::AssertUnwindSafe(|| (self.evolve)(key, row, &event));
        std::panic::catch_unwind(run).unwrap_or_else(|_| Err("the code panicked".to_owned()))
    }
}

impl std::fmt::Debug for ProjectionCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProjectionCode")
            .field("name", &self.name)
            .field("category", &self.category)
            .finish_non_exhaustive()
    }
}

/// What a category allows, whoever registers.
pub(super) fn check(
    name: &str,
    category: Category,
    delivery: Delivery,
    contract: Option<&str>,
) -> Result<(), ProjectionError> {
    let wrong = |reason: &str| {
        Err(ProjectionError::Invalid { name: name.to_owned(), reason: reason.to_owned() })
    };
    let named = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 128 || !name.chars().all(named) {
        return wrong("a name has 1 to 128 letters, digits, `-`, `_` and `.`");
    }
    match (category, delivery, contract) {
        (Category::Logic, Delivery::Async, _) => {
            wrong("a logic projection is always current: it is kept inline")
        }
        (Category::Reporting, Delivery::Inline, _) => {
            wrong("a reporting projection is not kept in the transactions that append")
        }
        (Category::Integration, Delivery::Inline, _) => {
            wrong("an integration projection follows the events and is not kept inline")
        }
        (Category::Integration, _, None) => {
            wrong("an integration projection needs a contract that defines what it tells")
        }
        (Category::Integration, ..) => Ok(()),
        (_, _, Some(_)) => wrong("only integration projections have a contract"),
        _ => Ok(()),
    }
}
