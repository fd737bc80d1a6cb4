//! Publications as they are asked for, read off the loop.

use everstep_engine::{Keys, Rejection, RowSnapshot};
use serde::{Deserialize, Serialize};

use super::record::{PUBLICATIONS, Publication, PublicationStatus};

/// Which publications.
#[derive(Clone, Debug, Default)]
pub struct PublicationFilter {
    /// Of the event at this position.
    pub position: Option<u64>,
    /// With this status.
    pub status: Option<PublicationStatus>,
    /// To this target.
    pub target: Option<String>,
}

/// A page of publications.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublicationPage {
    /// In the order of the events.
    pub publications: Vec<Publication>,
    /// Asks for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// The publications of an event, by target.
///
/// # Errors
/// When the store cannot be read.
pub fn of_event(rows: &RowSnapshot, position: u64) -> Result<Vec<Publication>, Rejection> {
    let found = rows.range(PUBLICATIONS, &Keys::prefix(format!("{position:020}/")))?;
    Ok(found.into_iter().map(|(_, publication)| publication).collect())
}

/// A page of at most `size` publications after a page's token; it may be short and say where to go on.
///
/// # Errors
/// When the store cannot be read.
pub fn list(
    rows: &RowSnapshot,
    filter: &PublicationFilter,
    after: Option<&str>,
    size: usize,
) -> Result<PublicationPage, Rejection> {
    let prefix = filter.position.map(|at| format!("{at:020}/")).unwrap_or_default();
    let takes = |one: &Publication| {
        filter.status.is_none_or(|status| status == one.status)
            && filter.target.as_ref().is_none_or(|target| *target == one.target_context)
    };
    let page = rows.page(PUBLICATIONS, &prefix, after, size, |one| Ok(Some(one).filter(&takes)))?;
    Ok(PublicationPage { publications: page.items, next_page_token: page.next })
}
