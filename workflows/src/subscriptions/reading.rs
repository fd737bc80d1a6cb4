//! What a keeper reads: pages of the log, and the rows of its subscription.

use everstep_engine::log::{Direction, LogReader};
use everstep_engine::{Keys, Rejection, RowSnapshot};

use super::SubscriptionError;
use super::rows::{SUBSCRIPTIONS, Stored, position_of};
use super::settings::EventFilter;
use super::window::MOST_AHEAD;

/// A page of the log.
pub(super) struct Page {
    pub(super) events: Vec<(u64, String)>,
    pub(super) read_to: u64,
    pub(super) is_last: bool,
}

pub(super) fn read_page(
    log: &LogReader<'_>,
    filter: &EventFilter,
    partition: &super::Partition,
    after: u64,
    most: usize,
) -> Result<Page, SubscriptionError> {
    let newest = log.last_position().map_err(Rejection::from)?;
    if newest <= after {
        return Ok(Page { events: Vec::new(), read_to: after, is_last: true });
    }
    let found = log.matching(&filter.query(), after + 1, Direction::Forwards, most);
    let found = found.map_err(Rejection::from)?;
    let is_last = found.len() < most;
    let last = found.last().map_or(newest, |event| event.position());
    let events = found.iter().filter(|event| filter.matches(event));
    let events = events.map(|event| (event.position(), partition.key(event))).collect();
    Ok(Page { events, read_to: if is_last { newest } else { last }, is_last })
}

/// The subscription as it was made.
pub(super) fn find(rows: &RowSnapshot, name: &str) -> Result<Stored, SubscriptionError> {
    let found = rows.get(SUBSCRIPTIONS, name)?.filter(|stored: &Stored| !stored.is_deleted);
    found.ok_or_else(|| SubscriptionError::NotFound(name.to_owned()))
}

/// All rows of a subscription, by position.
pub(super) fn all<V: serde::de::DeserializeOwned>(
    rows: &RowSnapshot,
    table: everstep_engine::Table<V>,
    name: &str,
) -> Result<Vec<(u64, V)>, Rejection> {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    while found.len() <= MOST_AHEAD + super::MOST_PARKED {
        let mut keys = Keys::prefix(format!("{name}/"));
        if let Some(after) = after.take() {
            keys = keys.after(after);
        }
        let page = rows.range(table, &keys)?;
        let is_last = page.len() < Keys::MOST;
        after = page.last().map(|(key, _)| key.clone());
        found.extend(page.into_iter().map(|(key, row)| (position_of(&key), row)));
        if is_last {
            break;
        }
    }
    Ok(found)
}
