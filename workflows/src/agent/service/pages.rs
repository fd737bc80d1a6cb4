//! Pages of lists that several agents' records are in, newest first.
//!
//! Invariant: who follows the tokens sees each record once, and none that was there from the first
//! page on is left out.

use std::collections::BTreeMap;

use crate::agent::AgentError;
use crate::agent::audit::AuditEvent;
use crate::agent::books::{Looked, Place};

/// A page of a list; it may be short and still name a next one.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentPage<T> {
    /// Newest first.
    pub items: Vec<T>,
    /// Asks for the next page.
    pub next_page_token: Option<String>,
}

impl<T> AgentPage<T> {
    pub(super) const EMPTY: Self = Self { items: Vec::new(), next_page_token: None };

    /// The first of what was read, of each agent one more than the page holds.
    pub(super) fn of(all: Vec<T>, size: usize, place: impl Fn(&T) -> Place) -> Self {
        let mut all: Vec<(Place, T)> = all.into_iter().map(|one| (place(&one), one)).collect();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        let is_last = all.len() <= size;
        all.truncate(size);
        let next = all.last().filter(|_| !is_last).map(|(place, _)| place.token());
        Self { items: all.into_iter().map(|(_, one)| one).collect(), next_page_token: next }
    }
}

/// Where a page begins.
pub(super) fn place(token: Option<&str>) -> Result<Option<Place>, AgentError> {
    let read = |token| Place::of_token(token).ok_or_else(|| foreign(token));
    token.map(read).transpose()
}

/// A token that this list has not given.
pub(super) fn foreign(token: &str) -> AgentError {
    AgentError::Invalid(format!("`{token}` is no page token of this list"))
}

/// How far the audit of each agent was read: records before these come next. 0 where none are left.
#[derive(Debug, Default)]
pub(super) struct Cursor(BTreeMap<String, u64>);

impl Cursor {
    /// Of a list of these agents.
    pub(super) fn of_token(token: Option<&str>, ids: &[String]) -> Result<Self, AgentError> {
        let Some(token) = token else { return Ok(Self::default()) };
        let read = |part: &str| {
            let (agent, before) = part.rsplit_once(':')?;
            let agent = ids.iter().find(|id| *id == agent)?;
            Some((agent.clone(), before.parse().ok()?))
        };
        let all: Option<_> = token.split(',').map(read).collect();
        all.map(Self).ok_or_else(|| foreign(token))
    }

    /// Where an agent's records go on; none where nothing is left.
    pub(super) fn before(&self, agent: &str) -> Option<Option<u64>> {
        match self.0.get(agent) {
            Some(0) => None,
            before => Some(before.copied()),
        }
    }

    /// The newest of what was looked for, and where it goes on.
    pub(super) fn page(
        mut self,
        looked: Vec<(String, Looked)>,
        size: usize,
    ) -> AgentPage<AuditEvent> {
        // Older than this there may be some that nobody has looked at.
        let horizon = looked.iter().filter_map(|(_, looked)| Some(looked.last?.1)).max();
        let mut ends = Vec::new();
        let mut all = Vec::new();
        for (agent, Looked { found, last }) in looked {
            ends.push((agent, found.len(), last));
            all.extend(found);
        }
        all.sort_by(|one, other| {
            let order = |it: &AuditEvent| (it.at, it.audit_id);
            order(other).cmp(&order(one)).then_with(|| one.agent_id.cmp(&other.agent_id))
        });
        all.retain(|record| horizon.is_none_or(|horizon| record.at >= horizon));
        all.truncate(size);
        for (agent, found, last) in ends {
            let kept = || all.iter().filter(|record| record.agent_id == agent);
            let next = match kept().count() == found {
                true => Some(last.map_or(0, |(id, _)| id)),
                false => kept().next_back().map(|record| record.audit_id),
            };
            if let Some(next) = next {
                self.0.insert(agent, next);
            } else {
                self.0.entry(agent).or_insert(u64::MAX);
            }
        }
        let is_over = self.0.values().all(|before| *before == 0);
        let parts: Vec<String> =
            self.0.iter().map(|(agent, before)| format!("{agent}:{before}")).collect();
        let next_page_token = (!is_over).then(|| parts.join(","));
        AgentPage { items: all, next_page_token }
    }
}
