//! Dead letters as they are asked for, read off the loop.

use std::collections::BTreeMap;

use everstep_decider::fsm::State;
use everstep_engine::{Keys, Rejection, RowSnapshot};
use serde::{Deserialize, Serialize};

use super::rows::{FIGURES, LETTERS, PLACES};
use super::{DeadLetter, DeadLetterStatus};

/// How many letters one page looks at; where a filter leaves most of them out, the page is short and
/// says where to go on.
const MOST_EXAMINED: usize = 2_000;

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
    let size = size.max(1);
    let (mut found, mut examined) = (Vec::new(), 0);
    let mut after = after.map(str::to_owned);
    loop {
        let page = candidates(rows, filter, after.as_deref(), size)?;
        let is_last = page.len() < size;
        for (key, letter) in page {
            examined += 1;
            if let Some(letter) = letter.filter(|letter| filter.takes(letter)) {
                found.push(letter);
            }
            after = Some(key);
            if found.len() == size {
                return Ok(DeadLetterPage { dead_letters: found, next_page_token: after });
            }
        }
        let next = after.clone().filter(|_| !is_last);
        if next.is_none() || examined >= MOST_EXAMINED {
            return Ok(DeadLetterPage { dead_letters: found, next_page_token: next });
        }
    }
}

/// Letters with the key that the next page begins after.
fn candidates(
    rows: &RowSnapshot,
    filter: &DeadLetterFilter,
    after: Option<&str>,
    size: usize,
) -> Result<Vec<(String, Option<DeadLetter>)>, Rejection> {
    let with = |keys: Keys| match after {
        Some(after) => keys.after(after).limit(size),
        None => keys.limit(size),
    };
    let Some(status) = filter.status else {
        let letters = rows.range(LETTERS, &with(Keys::all()))?;
        return Ok(letters.into_iter().map(|(id, letter)| (id, Some(letter))).collect());
    };
    let prefix = match &filter.kind {
        Some(kind) => format!("{}/{kind}/", status.name()),
        None => format!("{}/", status.name()),
    };
    let places = rows.range(PLACES, &with(Keys::prefix(prefix)))?;
    places.into_iter().map(|(key, id)| Ok((key, rows.get(LETTERS, &id)?))).collect()
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
