//! Dead letters as they are asked for, read off the loop.

use std::collections::BTreeMap;

use everstep_decider::fsm::State;
use everstep_engine::{Keys, Rejection, RowSnapshot};
use serde::{Deserialize, Serialize};

use super::rows::{FIGURES, LETTERS, PLACES};
use super::{DeadLetter, DeadLetterStatus};

/// Which letters.
#[derive(Clone, Debug, Default)]
pub struct DeadLetterFilter {
    /// Of this kind.
    pub kind: Option<String>,
    /// In this state.
    pub status: Option<DeadLetterStatus>,
    /// For this target.
    pub target: Option<String>,
    /// Of this piece of work.
    pub source: Option<String>,
}

impl DeadLetterFilter {
    fn takes(&self, letter: &DeadLetter) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        is(&self.kind, &letter.kind)
            && is(&self.target, &letter.target)
            && is(&self.source, &letter.source)
            && self.status.is_none_or(|status| status == letter.status)
    }
}

/// A page of letters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLetterPage {
    /// The oldest first; of one state by kind, and the oldest of each first.
    pub dead_letters: Vec<DeadLetter>,
    /// Asks for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// How many letters there are of a kind, in a state, for a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterFigure {
    /// The kind.
    pub kind: String,
    /// The state.
    pub status: DeadLetterStatus,
    /// The target.
    pub target: String,
    /// How many.
    pub count: u64,
}

/// A letter by its id.
///
/// # Errors
/// When the store cannot be read.
pub fn show(rows: &RowSnapshot, id: &str) -> Result<Option<DeadLetter>, Rejection> {
    rows.get(LETTERS, id)
}

/// A page of at most `size` letters after a page's token.
///
/// # Errors
/// When the store cannot be read.
pub fn list(
    rows: &RowSnapshot,
    filter: &DeadLetterFilter,
    after: Option<&str>,
    size: usize,
) -> Result<DeadLetterPage, Rejection> {
    let takes = |letter: &DeadLetter| filter.takes(letter);
    let page = match filter.status {
        None => rows.page(LETTERS, "", after, size, |letter| Ok(Some(letter).filter(takes)))?,
        Some(status) => {
            let kind = filter.kind.as_ref().map(|kind| format!("{kind}/")).unwrap_or_default();
            let prefix = format!("{}/{kind}", status.name());
            let pick = |id: String| Ok(rows.get(LETTERS, &id)?.filter(takes));
            rows.page(PLACES, &prefix, after, size, pick)?
        }
    };
    Ok(DeadLetterPage { dead_letters: page.items, next_page_token: page.next })
}

/// How many letters there are, by kind, state and target.
///
/// # Errors
/// When the store cannot be read.
pub fn stats(rows: &RowSnapshot) -> Result<Vec<DeadLetterFigure>, Rejection> {
    let figures: BTreeMap<String, u64> = rows.range(FIGURES, &Keys::all())?.into_iter().collect();
    let read = |(key, count): (String, u64)| {
        let mut parts = key.splitn(3, '/');
        let (kind, status, target) = (parts.next()?, parts.next()?, parts.next()?);
        let status = DeadLetterStatus::named(status)?;
        Some(DeadLetterFigure { kind: kind.to_owned(), status, target: target.to_owned(), count })
    };
    Ok(figures.into_iter().filter_map(read).collect())
}
