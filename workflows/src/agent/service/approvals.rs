//! What agents would do, and what somebody says about it.

use super::{AgentPage, AgentService, pages};
use crate::agent::AgentError;
use crate::agent::books::{self, Place};
use crate::agent::functions::{APPROVE_ACTION, EXPIRE_PENDING, OfAgent, REJECT_ACTION, Review};
use crate::agent::records::AgentApproval;

impl AgentService {
    /// Approvals of a status, newest first: a page of at most `limit` after a page's token.
    ///
    /// # Errors
    /// [`AgentError::NotFound`], [`AgentError::Invalid`] with a token of another list.
    pub async fn approvals(
        &self,
        namespace: &str,
        agent: Option<&str>,
        status: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<AgentPage<AgentApproval>, AgentError> {
        let (ids, status) = (self.ids(namespace, agent)?, status.to_owned());
        // A worker without agents has no books to open.
        if ids.is_empty() {
            return Ok(AgentPage::EMPTY);
        }
        let after = pages::place(after)?;
        let read = self.read(namespace, move |books| {
            let mut all = Vec::new();
            for id in ids {
                all.extend(books::approvals(books, (&id, &status), after.as_ref(), limit + 1)?);
            }
            Ok(all)
        });
        let place = |it: &AgentApproval| Place::new(it.created_at, &it.approval_id);
        Ok(AgentPage::of(read.await?, limit, place))
    }

    /// One approval.
    ///
    /// # Errors
    /// [`AgentError::RecordNotFound`].
    pub async fn approval(&self, namespace: &str, id: &str) -> Result<AgentApproval, AgentError> {
        let id = id.to_owned();
        self.read(namespace, move |books| books::approval(books, &id)).await
    }

    /// Somebody says yes.
    ///
    /// # Errors
    /// [`AgentError::ApprovalExpired`], [`AgentError::AlreadyDecided`],
    /// [`AgentError::RecordNotFound`].
    pub async fn approve(
        &self,
        namespace: &str,
        id: &str,
        reviewer: &str,
        note: &str,
    ) -> Result<AgentApproval, AgentError> {
        let of = Review { approval_id: id.to_owned(), reason: note.to_owned() };
        self.call(namespace, APPROVE_ACTION, reviewer, of).await
    }

    /// Somebody says no.
    ///
    /// # Errors
    /// As [`AgentService::approve`]; [`AgentError::Invalid`] without a reason.
    pub async fn reject(
        &self,
        namespace: &str,
        id: &str,
        reviewer: &str,
        reason: &str,
    ) -> Result<AgentApproval, AgentError> {
        let of = Review { approval_id: id.to_owned(), reason: reason.to_owned() };
        self.call(namespace, REJECT_ACTION, reviewer, of).await
    }

    /// Expires what should have been, should a deadline's workflow have been ended by somebody.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn expire_pending(&self, namespace: &str) -> Result<usize, AgentError> {
        let mut expired = 0;
        for agent_id in self.ids(namespace, None)? {
            expired +=
                self.call(namespace, EXPIRE_PENDING, "sweeper", OfAgent { agent_id }).await?;
        }
        Ok(expired)
    }
}
