//! What somebody has looked up before an append is decided, so that the writer need not.
//!
//! Invariant: it is a help and never an authority. What it says about a name counts only as long
//! as the writer can tell that nothing has happened to that name since.

use super::head::Head;
use super::keys::Subject;
use super::query::Condition;
use super::reader::LogReader;
use crate::error::StoreError;

/// No event that a condition forbids up to a position, and the heads that were read for it.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    pub(super) to: u64,
    pub(super) heads: Vec<(Subject, Head)>,
}

impl Checked {
    /// Nothing was looked up.
    pub const NOTHING: Self = Self { to: 0, heads: Vec::new() };
}

impl LogReader<'_> {
    /// Looks for an event that the condition forbids up to the position `newest`, which the
    /// snapshot must show. An error within is the position of such an event.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn check(
        &self,
        condition: &Condition,
        newest: u64,
    ) -> Result<Result<Checked, u64>, StoreError> {
        let after = condition.after.unwrap_or_default();
        let mut checked = Checked { to: newest, heads: Vec::new() };
        if after >= newest {
            return Ok(Ok(checked));
        }
        let query = &condition.fail_if_events_match;
        let mut may_match = query.items.is_empty();
        for item in &query.items {
            // As a rule one name has no event at all.
            let mut all = true;
            for tag in &item.tags {
                let subject = Subject::tag(tag);
                let head = self.head(&subject)?;
                all = all && head.last_position > after;
                checked.heads.push((subject, head));
                if !all {
                    break;
                }
            }
            let mut any = item.types.is_empty();
            for of_type in item.types.iter().take_while(|_| all) {
                let subject = Subject::event_type(of_type);
                let head = self.head(&subject)?;
                any = any || head.last_position > after;
                checked.heads.push((subject, head));
            }
            may_match = may_match || (all && any);
        }
        let found = match may_match {
            true => self.first_match(query, after + 1, newest)?,
            false => None,
        };
        Ok(found.map_or(Ok(checked), Err))
    }
}
