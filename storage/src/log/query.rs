//! Queries: which events belong to a decision, whatever streams they stand in.
//!
//! The form is that of dynamic consistency boundaries: alternatives, each of which asks for one of
//! some types and for all of some tags.

use super::event::RecordedEvent;

/// One alternative of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryItem {
    /// An event has one of these types; none: any.
    pub types: Vec<Box<str>>,
    /// An event has all of these tags.
    pub tags: Vec<Box<str>>,
}

/// Events that match at least one item; a query without items matches every event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The alternatives.
    pub items: Vec<QueryItem>,
}

/// What must not have happened for an append to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// No event may match this,
    pub fail_if_events_match: Query,
    /// after this position: the last one that the decision knows. Without it, none at all.
    pub after: Option<u64>,
}

impl QueryItem {
    /// Whether the event is one of these.
    #[must_use]
    pub fn matches(&self, event: &RecordedEvent) -> bool {
        (self.types.is_empty() || self.types.iter().any(|of| **of == *event.event_type()))
            && self.tags.iter().all(|tag| event.tags().any(|has| has == &**tag))
    }
}

impl Query {
    /// Every event.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Events that have all of these tags.
    #[must_use]
    pub fn tags<T: Into<Box<str>>>(tags: impl IntoIterator<Item = T>) -> Self {
        let tags = tags.into_iter().map(Into::into).collect();
        Self { items: vec![QueryItem { types: Vec::new(), tags }] }
    }

    /// Whether the event is one of these.
    #[must_use]
    pub fn matches(&self, event: &RecordedEvent) -> bool {
        self.items.is_empty() || self.items.iter().any(|item| item.matches(event))
    }
}
