//! The runs that are in every one of some sets, one after the other.

use super::source::{Candidate, Reader, Source};
use crate::{Rejection, RunId};

/// A walk along run ids.
pub(super) struct Walk {
    sources: Vec<Source>,
    /// Where it goes on; none when it has come to the end of all ids.
    pub(super) at: Option<RunId>,
    /// The last id that is looked at.
    until: RunId,
}

/// What a step of the walk came upon.
pub(super) enum Found {
    Run(Candidate),
    /// There are no more.
    End,
    /// The request has examined as much as it may.
    Spent,
}

impl Walk {
    /// Walks from one id to another, both with them.
    pub(super) fn new(sources: Vec<Source>, from: Option<RunId>, until: RunId) -> Self {
        Self { sources, at: from, until }
    }

    /// The next run.
    pub(super) fn next(&mut self, reader: &Reader<'_>) -> Result<Found, Rejection> {
        let Some(mut at) = self.at else { return Ok(Found::End) };
        let mut agreed: Option<Candidate> = None;
        let (mut turn, mut agreeing) = (0, 0);
        while agreeing < self.sources.len() {
            if reader.is_spent() {
                self.at = Some(at);
                return Ok(Found::Spent);
            }
            let Some(found) = self.sources[turn].next(reader, at)? else {
                self.at = None;
                return Ok(Found::End);
            };
            if found.run_id == at && agreed.is_some() {
                agreeing += 1;
                // Whoever has the run's row saves a look-up.
                if found.row.is_some() {
                    agreed = Some(found);
                }
            } else {
                at = found.run_id;
                agreed = Some(found);
                agreeing = 1;
            }
            turn = (turn + 1) % self.sources.len();
        }
        if reader.is_before(&self.until, &at) {
            self.at = None;
            return Ok(Found::End);
        }
        self.at = step(at, reader.descending);
        Ok(agreed.map_or(Found::End, Found::Run))
    }
}

/// The id behind one in the list's order.
pub(super) fn step(id: RunId, descending: bool) -> Option<RunId> {
    let number = id.as_u128();
    let next = if descending { number.checked_sub(1) } else { number.checked_add(1) };
    next.map(|number| RunId::from_bytes(number.to_be_bytes()))
}

/// The id before one in the list's order: what a page token names.
pub(super) fn step_back(id: RunId, descending: bool) -> RunId {
    step(id, !descending).unwrap_or(id)
}
