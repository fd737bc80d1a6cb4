//! What is read of projections: rows as they are durable, with the events after the checkpoint
//! folded in by the same code.
//!
//! Invariant: a row that is read is never older than the log at the moment of reading, unless more
//! than [`MOST_PENDING`] events wait; then it is the durable one and says so by its positions.

use std::collections::BTreeMap;

use everstep_engine::log::{Direction, RecordedEvent};
use everstep_engine::{Payload, Rejection, RowSnapshot};
use everstep_reactive::{Durable, Merged, merge};
use serde::Serialize;

use super::fold::fold_row;
use super::quarantine::{self, Blocked};
use super::rows::{self, Checkpoint, Shelf, StoredRow};
use super::{Delivery, ProjectionCode, index};

/// Events after the checkpoint that a read folds in.
pub(super) const MOST_PENDING: usize = 10_000;
/// Rows that one request for a page looks at.
const MOST_LOOKED_AT: usize = 10_000;

/// A row as clients see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowView {
    /// Its key.
    pub key: String,
    /// What it holds; absent when there is no row (any more).
    pub state: Option<Payload>,
    /// The last event that changed it; 0 where none did.
    pub position: u64,
    /// Every event up to here is in the durable rows.
    pub durable_position: u64,
    /// Events of this row that are in `state` and not in the durable row yet.
    pub pending_events: usize,
    /// Whether there are any.
    pub is_optimistic: bool,
}

/// Which rows of a projection.
#[derive(Clone, Debug, Default)]
pub struct RowQuery {
    /// Their keys begin with this.
    pub prefix: String,
    /// Fields of the row, as paths such as `customer.id`, with the text of their value.
    pub fields: Vec<(String, String)>,
    /// They come after this key.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// A page of rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowsPage {
    /// In the order of their keys.
    pub rows: Vec<RowView>,
    /// Where the next page begins; absent at the end. A page may be empty and not the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// The events after a checkpoint, by the row that they touch.
pub(super) struct Pending<'a> {
    by_row: BTreeMap<String, Vec<&'a RecordedEvent>>,
}

/// The matching events after the checkpoint, unless there are too many to fold.
pub(super) fn all_pending_events(
    snapshot: &RowSnapshot,
    code: &ProjectionCode,
    checkpoint: Checkpoint,
) -> Result<Option<Vec<RecordedEvent>>, Rejection> {
    if code.delivery == Delivery::Inline {
        return Ok(Some(Vec::new()));
    }
    let from = checkpoint.position + 1;
    let log = snapshot.log();
    let events = log.matching(&code.query, from, Direction::Forwards, MOST_PENDING + 1)?;
    Ok((events.len() <= MOST_PENDING).then_some(events))
}

/// The matching events after the checkpoint; none where there are too many to fold.
pub(super) fn pending_events(
    snapshot: &RowSnapshot,
    code: &ProjectionCode,
    checkpoint: Checkpoint,
) -> Result<Vec<RecordedEvent>, Rejection> {
    Ok(all_pending_events(snapshot, code, checkpoint)?.unwrap_or_default())
}

impl<'a> Pending<'a> {
    /// Those of rows that are blocked wait.
    pub(super) fn of(
        code: &ProjectionCode,
        events: &'a [RecordedEvent],
        blocked: &Blocked,
    ) -> Self {
        let mut by_row: BTreeMap<String, Vec<&RecordedEvent>> = BTreeMap::new();
        for event in events {
            for key in code.keys_of(event) {
                if !blocked.contains(&key) {
                    by_row.entry(key).or_default().push(event);
                }
            }
        }
        Self { by_row }
    }

    /// The row with its pending events. An event that the code refuses, and what comes after it,
    /// waits like the projection itself.
    pub(super) fn merged(
        &self,
        code: &ProjectionCode,
        key: &str,
        row: Option<StoredRow>,
        checkpoint: Checkpoint,
    ) -> Merged<StoredRow> {
        let changed_at = row.as_ref().map_or(0, |row| row.position);
        let durable = Durable { state: row, changed_at, position: checkpoint.position };
        let events = self.of_row(key).iter().map(|event| (event.position(), *event));
        merge(durable, events, |row, event| fold_row(key, row, &[event], code))
    }

    /// The pending events of a row.
    pub(super) fn of_row(&self, key: &str) -> &[&'a RecordedEvent] {
        self.by_row.get(key).map(Vec::as_slice).unwrap_or_default()
    }
}

impl RowView {
    pub(super) fn new(key: String, row: Merged<StoredRow>) -> Self {
        Self {
            key,
            position: row.changed_at,
            durable_position: row.durable_position,
            pending_events: row.pending_events(),
            is_optimistic: row.is_optimistic(),
            state: row.state.map(|row| row.state),
        }
    }
}

/// The blocked rows; nobody asks where no event is pending.
fn blocked(
    snapshot: &RowSnapshot,
    shelf: Shelf<'_>,
    events: &[RecordedEvent],
) -> Result<Blocked, Rejection> {
    match events.is_empty() {
        true => Ok(Blocked::new()),
        false => quarantine::blocked(snapshot, shelf),
    }
}

/// One row.
pub(super) fn read(
    snapshot: &RowSnapshot,
    code: &ProjectionCode,
    key: &str,
) -> Result<RowView, Rejection> {
    let checkpoint = rows::checkpoint(snapshot, code.name)?;
    let events = pending_events(snapshot, code, checkpoint)?;
    let shelf = checkpoint.shelf(code.name);
    let row = shelf.row(snapshot, key)?;
    let blocked = blocked(snapshot, shelf, &events)?;
    let pending = Pending::of(code, &events, &blocked);
    Ok(RowView::new(key.to_owned(), pending.merged(code, key, row, checkpoint)))
}

/// A page of rows.
pub(super) fn page(
    snapshot: &RowSnapshot,
    code: &ProjectionCode,
    query: &RowQuery,
) -> Result<RowsPage, Rejection> {
    let checkpoint = rows::checkpoint(snapshot, code.name)?;
    let events = pending_events(snapshot, code, checkpoint)?;
    let shelf = checkpoint.shelf(code.name);
    let blocked = blocked(snapshot, shelf, &events)?;
    let pending = Pending::of(code, &events, &blocked);
    let (mut found, mut after, mut looked_at) = (Vec::new(), query.after.clone(), 0);
    let index = index::usable(snapshot, (code, shelf), &query.fields)?;
    loop {
        let limit = query.limit.clamp(64, 1_000);
        let durable =
            candidates(snapshot, shelf, query, index.as_deref(), after.as_deref(), limit)?;
        let last = (durable.len() == limit).then(|| durable.last().map(|(key, _)| key.clone()));
        let last = last.flatten();
        let mut all: BTreeMap<String, Option<StoredRow>> = durable.into_iter().collect();
        for key in pending.by_row.keys().filter(|key| key.starts_with(&query.prefix)) {
            let within = after.as_ref().is_none_or(|after| key > after)
                && last.as_ref().is_none_or(|last| key <= last);
            if within && !all.contains_key(key) {
                // The index knows only what is durable; the row itself may be there all the same.
                let row = match index {
                    Some(_) => shelf.row(snapshot, key)?,
                    None => None,
                };
                all.insert(key.clone(), row);
            }
        }
        for (key, row) in all {
            looked_at += 1;
            let row = pending.merged(code, &key, row, checkpoint);
            if row.state.as_ref().is_some_and(|row| query.matches(&row.state)) {
                found.push(RowView::new(key.clone(), row));
            }
            if found.len() == query.limit || looked_at == MOST_LOOKED_AT {
                return Ok(RowsPage { rows: found, next_page_token: Some(key) });
            }
        }
        match last {
            Some(last) => after = Some(last),
            None => return Ok(RowsPage { rows: found, next_page_token: None }),
        }
    }
}

/// Durable rows that may be asked for, in the order of their keys: those that an index names, or
/// all.
fn candidates(
    snapshot: &RowSnapshot,
    shelf: Shelf<'_>,
    query: &RowQuery,
    index: Option<&str>,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(String, Option<StoredRow>)>, Rejection> {
    let Some(index) = index else {
        let page = shelf.page(snapshot, &query.prefix, after, limit)?;
        return Ok(page.into_iter().map(|(key, row)| (key, Some(row))).collect());
    };
    let keys = index::keys(snapshot, index, &query.prefix, after, limit)?;
    keys.into_iter()
        .map(|key| {
            let row = shelf.row(snapshot, &key)?;
            Ok((key, row))
        })
        .collect()
}

impl RowQuery {
    fn matches(&self, state: &Payload) -> bool {
        if self.fields.is_empty() {
            return true;
        }
        let Ok(state) = state.to::<serde_json::Value>() else { return false };
        let mut fields = self.fields.iter();
        fields.all(|(path, wanted)| index::text_at(&state, path).as_ref() == Some(wanted))
    }
}
