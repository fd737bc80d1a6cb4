//! What agents did and sent, as their books say.

use everstep_engine::{ActivityError, ContextReads, Timestamp};

use super::pages::{self, Cursor};
use super::{AgentPage, AgentService};
use crate::agent::AgentError;
use crate::agent::audit::{AuditEvent, AuditType};
use crate::agent::books::{self, AgentsContext, Place, Take};
use crate::agent::records::AgentCommand;

/// Every status that a command of an agent may have.
const STATUSES: [&str; 4] = ["pending", "processing", "completed", "failed"];

impl AgentService {
    /// Commands of a status, newest first: a page of at most `limit` after a page's token.
    ///
    /// # Errors
    /// [`AgentError::NotFound`], [`AgentError::Invalid`] with a token of another list.
    pub async fn commands(
        &self,
        namespace: &str,
        agent: Option<&str>,
        status: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<AgentPage<AgentCommand>, AgentError> {
        let ids = self.ids(namespace, agent)?;
        if ids.is_empty() {
            return Ok(AgentPage::EMPTY);
        }
        let (status, after) = (status.map(str::to_owned), pages::place(after)?);
        let read = self.read(namespace, move |books| {
            let wanted = STATUSES.iter().filter(|one| status.as_ref().is_none_or(|it| it == *one));
            let mut all = Vec::new();
            for status in wanted {
                for id in &ids {
                    all.extend(books::commands(books, (id, status), after.as_ref(), limit + 1)?);
                }
            }
            Ok(all)
        });
        let place = |it: &AgentCommand| {
            let begun = it.steps.first().map_or(Timestamp::from_millis(0), |step| step.at);
            Place::new(begun, &it.command_id)
        };
        Ok(AgentPage::of(read.await?, limit, place))
    }

    /// Records of the audit, newest first: a page of at most `limit` after a page's token.
    ///
    /// # Errors
    /// [`AgentError::NotFound`], [`AgentError::Invalid`] with a token of another list.
    pub async fn audit(
        &self,
        namespace: &str,
        agent: Option<&str>,
        audit_type: Option<AuditType>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<AgentPage<AuditEvent>, AgentError> {
        let takes = move |record: &AuditEvent| {
            let wanted = audit_type.as_ref();
            match wanted.is_none_or(|wanted| wanted.takes(&record.audit_type)) {
                true => Take::Yes,
                false => Take::No,
            }
        };
        let ids = self.ids(namespace, agent)?;
        if ids.is_empty() {
            return Ok(AgentPage::EMPTY);
        }
        let cursor = Cursor::of_token(after, &ids)?;
        self.read(namespace, move |books| audited(books, &ids, cursor, limit, takes)).await
    }
}

/// A page of the records that `takes` picks, of all these agents.
pub(super) fn audited(
    books: &impl ContextReads<AgentsContext>,
    ids: &[String],
    cursor: Cursor,
    limit: usize,
    takes: impl Fn(&AuditEvent) -> Take,
) -> Result<AgentPage<AuditEvent>, ActivityError> {
    let mut looked = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(before) = cursor.before(id) {
            looked.push((id.clone(), books::audit(books, id, before, limit, &takes)?));
        }
    }
    Ok(cursor.page(looked, limit))
}
