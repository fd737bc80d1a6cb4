//! A context that is told of events.

use everstep_engine::log::RecordedEvent;

/// A context that is told of events, and of which.
#[derive(Clone, Debug)]
pub struct PublicationTarget {
    pub(super) context: &'static str,
    pub(super) from: Option<&'static str>,
    pub(super) events: Vec<&'static str>,
}

impl PublicationTarget {
    /// The context of that name; say with [`PublicationTarget::events`] what it is told.
    pub const fn new(context: &'static str) -> Self {
        Self { context, from: None, events: Vec::new() }
    }

    /// Only events of this context.
    #[must_use]
    pub const fn from(mut self, context: &'static str) -> Self {
        self.from = Some(context);
        self
    }

    /// The types of the events that it is told.
    #[must_use]
    pub fn events(mut self, events: impl IntoIterator<Item = &'static str>) -> Self {
        self.events = events.into_iter().collect();
        self
    }

    pub(super) fn hears_of(&self, event: &RecordedEvent) -> bool {
        self.events.contains(&event.event_type())
            && self.from.is_none_or(|from| event.context() == Some(from))
    }
}
