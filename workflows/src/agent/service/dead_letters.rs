//! What agents gave up on, and what somebody decides about it.

use std::time::Duration;

use everstep_activities::dead_letters::{
    self as letters, DeadLetter, DeadLetterFilter, DeadLetterKind, DeadLetterStatus,
};
use everstep_engine::{RunStatus, Selector, Timestamp};
use serde::{Deserialize, Serialize};

use super::{AgentPage, AgentService, pages};
use crate::agent::functions::{
    IGNORE_DEAD_LETTER, NewAgentDeadLetter, OfDeadLetter, RECORD_DEAD_LETTER, REPLAY_DEAD_LETTER,
};
use crate::agent::job::workflow_id;
use crate::agent::{AgentError, dead_letters};

/// Letters of a kind that one list looks at: they are kept oldest first.
const MOST_LETTERS: usize = 10_000;
/// How many of them are read at once.
const LETTERS_AT_ONCE: usize = 500;
/// How long the end of a replay is waited for, so that its outcome can be told.
const REPLAY_WAIT: Duration = Duration::from_secs(10);

/// A dead letter as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentDeadLetter {
    /// Its id.
    pub dead_letter_id: String,
    /// Whose.
    pub agent_id: String,
    /// `event` or `command`.
    pub kind: String,
    /// The event that it is about.
    pub event_id: String,
    /// The event's type, or the command's.
    pub event_type: String,
    /// The code of what went wrong.
    pub reason: String,
    /// What went wrong.
    pub error: String,
    /// `pending`, `retrying`, `replayed` or `ignored`.
    pub status: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when it is here.
    pub recorded_at: Timestamp,
    /// When its status changed last.
    pub updated_at: Timestamp,
    /// Who had the last word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// Why it was ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored_because: Option<String>,
}

impl AgentDeadLetter {
    fn of(letter: &DeadLetter) -> Self {
        let kind = kind_of(letter);
        let (event_id, event_type) = dead_letters::about(letter);
        Self {
            dead_letter_id: letter.id.clone(),
            agent_id: letter.target.clone(),
            kind: if kind == dead_letters::COMMANDS { "command" } else { "event" }.to_owned(),
            event_id: event_id.unwrap_or_default().to_owned(),
            event_type: event_type.unwrap_or_default().to_owned(),
            reason: letter.error_type.clone(),
            error: letter.last_error.clone(),
            status: kind.word(letter.status).to_owned(),
            attempts: letter.attempts,
            recorded_at: letter.recorded_at,
            updated_at: letter.updated_at,
            decided_by: letter.decided_by.clone(),
            ignored_because: letter.reason.clone(),
        }
    }
}

fn kind_of(letter: &DeadLetter) -> DeadLetterKind {
    match letter.kind == dead_letters::COMMANDS.name() {
        true => dead_letters::COMMANDS,
        false => dead_letters::EVENTS,
    }
}

impl AgentService {
    /// Dead letters, newest first: a page of at most `limit` after a page's token.
    ///
    /// # Errors
    /// [`AgentError::NotFound`], [`AgentError::Invalid`] with a token of another list; when the store
    /// cannot be read.
    pub fn dead_letters(
        &self,
        namespace: &str,
        agent: Option<&str>,
        status: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<AgentPage<AgentDeadLetter>, AgentError> {
        let ids = self.ids(namespace, agent)?;
        if let Some(token) = after.filter(|token| !letters::is_id(token)) {
            return Err(pages::foreign(token));
        }
        let rows = self.engine.rows(namespace)?;
        let mut all = Vec::new();
        for kind in [dead_letters::EVENTS, dead_letters::COMMANDS] {
            let filter = DeadLetterFilter {
                kind: Some(kind.name().to_owned()),
                target: agent.map(str::to_owned),
                ..DeadLetterFilter::default()
            };
            let (mut examined, mut next) = (0, None::<String>);
            while examined < MOST_LETTERS {
                let page = letters::list(&rows, &filter, next.as_deref(), LETTERS_AT_ONCE)?;
                examined += LETTERS_AT_ONCE;
                let own = page.dead_letters.iter().filter(|letter| ids.contains(&letter.target));
                all.extend(own.map(AgentDeadLetter::of));
                next = page.next_page_token;
                if next.is_none() {
                    break;
                }
            }
        }
        all.retain(|letter| {
            status.is_none_or(|status| letter.status == status)
                && after.is_none_or(|after| letter.dead_letter_id.as_str() < after)
        });
        all.sort_by(|a, b| b.dead_letter_id.cmp(&a.dead_letter_id));
        let is_last = all.len() <= limit;
        all.truncate(limit);
        let next = all.last().filter(|_| !is_last).map(|letter| letter.dead_letter_id.clone());
        Ok(AgentPage { items: all, next_page_token: next })
    }

    pub(super) fn letter(&self, namespace: &str, id: &str) -> Result<DeadLetter, AgentError> {
        let found = letters::show(&self.engine.rows(namespace)?, id)?;
        let own = [dead_letters::EVENTS.name(), dead_letters::COMMANDS.name()];
        found
            .filter(|letter| own.contains(&letter.kind.as_str()))
            .ok_or_else(|| AgentError::RecordNotFound(format!("dead letter `{id}` does not exist")))
    }

    /// One dead letter.
    ///
    /// # Errors
    /// [`AgentError::RecordNotFound`].
    pub fn dead_letter(&self, namespace: &str, id: &str) -> Result<AgentDeadLetter, AgentError> {
        self.letter(namespace, id).map(|letter| AgentDeadLetter::of(&letter))
    }

    /// Writes down that an event was given up. Answers the letter's id.
    ///
    /// # Errors
    /// [`AgentError::NotFound`].
    pub async fn record_dead_letter(
        &self,
        namespace: &str,
        by: &str,
        new: NewAgentDeadLetter,
    ) -> Result<String, AgentError> {
        self.call(namespace, RECORD_DEAD_LETTER, by, new).await
    }

    /// Handles what was given up again, and waits a little for what becomes of it.
    ///
    /// # Errors
    /// [`AgentError::DeadLetter`] when it went wrong again, or is not pending.
    pub async fn replay(
        &self,
        namespace: &str,
        id: &str,
        by: &str,
    ) -> Result<AgentDeadLetter, AgentError> {
        let before = self.letter(namespace, id)?;
        let of = OfDeadLetter { dead_letter_id: id.to_owned(), reason: String::new() };
        let letter = self.call(namespace, REPLAY_DEAD_LETTER, by, of).await?;
        if letter.status == DeadLetterStatus::Pending {
            return Err(AgentError::DeadLetter(letter.last_error));
        }
        let workflow_id = match letter.payload["event"]["position"].as_u64() {
            Some(position) if before.kind == dead_letters::EVENTS.name() => {
                Some(workflow_id(&before.target, position))
            }
            _ => None,
        };
        if let Some(workflow_id) = workflow_id {
            let namespace = namespace.to_owned();
            let selector = Selector { namespace, ..Selector::newest(workflow_id) };
            let ended = self.engine.result(&selector, REPLAY_WAIT).await?;
            if ended.status == RunStatus::Completed {
                self.release(&selector.namespace, &letter, true).await?;
            }
        } else {
            self.settled(namespace, id).await?;
        }
        let letter = self.letter(namespace, id)?;
        match letter.status {
            DeadLetterStatus::Pending => Err(AgentError::DeadLetter(letter.last_error)),
            _ => Ok(AgentDeadLetter::of(&letter)),
        }
    }

    /// Waits a little until a letter is not being tried any more.
    async fn settled(&self, namespace: &str, id: &str) -> Result<(), AgentError> {
        let mut changes = self.engine.changes();
        let settled = async {
            while self.letter(namespace, id)?.status == DeadLetterStatus::Retrying {
                // Lagging behind the news is news, too.
                let _ = changes.recv().await;
            }
            Ok(())
        };
        tokio::time::timeout(REPLAY_WAIT, settled).await.unwrap_or(Ok(()))
    }

    /// Decides that what was given up need not be done; its lane goes on.
    ///
    /// # Errors
    /// [`AgentError::DeadLetter`] when it is not pending, [`AgentError::Invalid`] without a reason.
    pub async fn ignore(
        &self,
        namespace: &str,
        id: &str,
        by: &str,
        reason: &str,
    ) -> Result<AgentDeadLetter, AgentError> {
        self.letter(namespace, id)?;
        let of = OfDeadLetter { dead_letter_id: id.to_owned(), reason: reason.to_owned() };
        let letter = self.call(namespace, IGNORE_DEAD_LETTER, by, of).await?;
        self.release(namespace, &letter, false).await?;
        Ok(AgentDeadLetter::of(&letter))
    }
}
