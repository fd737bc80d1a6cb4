//! History events as JSON: `{"event_id", "type", "at", …attributes}`.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::Timestamp;
use crate::kernel::Recorded;

/// A recorded event with its number, ready to be shown.
#[derive(Clone, Debug)]
pub struct EventView {
    /// Its number in the run's history, from 1.
    pub event_id: u64,
    /// The event and its time.
    pub recorded: Recorded,
}

/// A page of a history.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryPage {
    /// The events in order.
    pub events: Vec<EventView>,
    /// The number of the first event after this page, when there is one.
    #[serde(skip)]
    pub next_event_id: Option<u64>,
    /// Pass as `page_token` to get the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
    /// Whether the run is closed, so that no more events will come.
    #[serde(skip)]
    pub closed: bool,
}
