//! What agents did and sent, as their books say.

use super::AgentService;
use crate::agent::AgentError;
use crate::agent::audit::{AuditEvent, AuditType};
use crate::agent::books::{self, Take};
use crate::agent::records::AgentCommand;

/// Every status that a command of an agent may have.
const STATUSES: [&str; 4] = ["pending", "processing", "completed", "failed"];

impl AgentService {
    /// Commands of a status, newest first.
    ///
    /// # Errors
    /// [`AgentError::NotFound`].
    pub async fn commands(
        &self,
        namespace: &str,
        agent: Option<&str>,
        status: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AgentCommand>, AgentError> {
        let ids = self.ids(namespace, agent)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let status = status.map(str::to_owned);
        let read = self.read(namespace, move |books| {
            let wanted = STATUSES.iter().filter(|one| status.as_ref().is_none_or(|it| it == *one));
            let mut all = Vec::new();
            for status in wanted {
                for id in &ids {
                    all.extend(books::commands(books, id, status, limit)?);
                }
            }
            Ok(all)
        });
        let mut all = read.await?;
        let begun = |it: &AgentCommand| it.steps.first().map(|step| step.at);
        all.sort_by_key(|command| std::cmp::Reverse(begun(command)));
        all.truncate(limit);
        Ok(all)
    }

    /// Records of the audit, newest first.
    ///
    /// # Errors
    /// [`AgentError::NotFound`].
    pub async fn audit(
        &self,
        namespace: &str,
        agent: Option<&str>,
        audit_type: Option<AuditType>,
        limit: usize,
    ) -> Result<Vec<AuditEvent>, AgentError> {
        let ids = self.ids(namespace, agent)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let read = self.read(namespace, move |books| {
            let mut all = Vec::new();
            for id in ids {
                all.extend(books::audit(books, &id, None, limit, |record| {
                    let wanted = audit_type.as_ref();
                    match wanted.is_none_or(|wanted| wanted.takes(&record.audit_type)) {
                        true => Take::Yes,
                        false => Take::No,
                    }
                })?);
            }
            Ok(all)
        });
        let mut all = read.await?;
        all.sort_by_key(|record| std::cmp::Reverse((record.at, record.audit_id)));
        all.truncate(limit);
        Ok(all)
    }
}
