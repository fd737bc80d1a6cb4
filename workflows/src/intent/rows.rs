//! The rows of intents.

use everstep_engine::{Keys, Rejection, RowSnapshot, Table, Timestamp};
use serde::{Deserialize, Serialize};

/// By `kind/intentKey`.
pub(super) const INTENTS: Table<IntentRow> = Table::new("everstep", "intents");
/// Those that are open, the oldest first: by `time/kind/intentKey`, the key of the row.
pub(super) const OPEN: Table<String> = Table::new("everstep", "open_intents");

/// How an intent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentState {
    /// It was begun.
    Open,
    /// It ended.
    Completed,
    /// Its time was over before it ended.
    Abandoned,
}

/// An intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntentRow {
    /// The type of the event that began it.
    pub kind: String,
    /// Its key.
    pub intent_key: String,
    /// How it stands.
    pub state: IntentState,
    /// The position of the event that began it.
    pub position: u64,
    /// Since when.
    pub begun_at: Timestamp,
    /// The event that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    /// How long it has been open, in milliseconds, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
}

pub(super) fn key(kind: &str, intent_key: &str) -> String {
    format!("{kind}/{intent_key}")
}

pub(super) fn open_key(row: &IntentRow) -> String {
    format!("{:013}/{}", row.begun_at.as_millis(), key(&row.kind, &row.intent_key))
}

/// A page of intents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntentPage {
    /// The oldest first.
    pub intents: Vec<IntentRow>,
    /// Asks for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// A page of at most `size` intents that were begun and have not ended, the oldest first, with their
/// age at `now`, after a page's token.
///
/// # Errors
/// When the store cannot be read.
pub fn open_intents(
    rows: &RowSnapshot,
    now: Timestamp,
    after: Option<&str>,
    size: usize,
) -> Result<IntentPage, Rejection> {
    let size = size.clamp(1, Keys::MOST);
    let keys = Keys::all().limit(size);
    let keys = match after {
        Some(after) => keys.after(after),
        None => keys,
    };
    let found = rows.range(OPEN, &keys)?;
    let next = found.last().map(|(at, _)| at.clone()).filter(|_| found.len() == size);
    let mut intents = Vec::with_capacity(found.len());
    for (_, key) in found {
        if let Some(row) = rows.get(INTENTS, &key)? {
            let age_ms = Some(now.millis_since(row.begun_at));
            intents.push(IntentRow { age_ms, ..row });
        }
    }
    Ok(IntentPage { intents, next_page_token: next })
}
