//! Lanes that wait behind an event which was given up, and go on when somebody has decided.

use everstep_activities::dead_letters::{DeadLetter, DeadLetterStatus};
use everstep_engine::Rejection;

use super::{AgentService, refused};
use crate::agent::job::decision_id;
use crate::agent::{AgentError, books, dead_letters};
use crate::subscriptions::SubscriptionError;

impl AgentService {
    /// Lets lanes go on whose dead letters were dealt with by a process that died before it could say
    /// so. A server does so when it starts.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn release_settled(&self, namespace: &str) -> Result<(), AgentError> {
        /// Parked events of one agent that are looked at.
        const MOST: usize = 500;
        for agent in self.agents() {
            let subscription = books::subscription_of(agent.id);
            let parked = self.subscriptions.parked(namespace, &subscription, 0, MOST);
            let parked = match parked {
                Ok(parked) => parked,
                Err(SubscriptionError::NotFound(_)) => continue,
                Err(error) => {
                    return Err(AgentError::Engine(Rejection::Unavailable(error.to_string())));
                }
            };
            for event in parked.iter().filter(|event| !event.is_behind) {
                let source = decision_id(agent.id, event.position);
                let read = self.read(namespace, move |books| books::letter_of(books, &source));
                let Some(letter) = read.await? else { continue };
                let letter = self.letter(namespace, &letter.dead_letter_id)?;
                match letter.status {
                    DeadLetterStatus::Resolved => self.release(namespace, &letter, true).await?,
                    DeadLetterStatus::Ignored => self.release(namespace, &letter, false).await?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Lets the lane of an event go on that was parked: it is handed out again and found done, or
    /// passed over.
    pub(super) async fn release(
        &self,
        namespace: &str,
        letter: &DeadLetter,
        is_done: bool,
    ) -> Result<(), AgentError> {
        let position = letter.payload["event"]["position"].as_u64();
        let Some(position) = position.filter(|_| letter.kind == dead_letters::EVENTS.name()) else {
            return Ok(());
        };
        let subscription = books::subscription_of(&letter.target);
        let positions = Some(vec![position]);
        let released = match is_done {
            true => self.subscriptions.replay(namespace, &subscription, positions).await,
            false => self.subscriptions.discard(namespace, &subscription, positions).await,
        };
        match released {
            // It never stood in the subscription, or does not any more.
            Ok(_) | Err(SubscriptionError::NotFound(_)) => {}
            Err(SubscriptionError::Engine(rejection)) => return Err(rejection.into()),
            Err(error) => {
                return Err(AgentError::Engine(Rejection::Unavailable(error.to_string())));
            }
        }
        if !is_done {
            let (id, at) = (letter.target.clone(), position);
            let passed = self.engine.transact(namespace, move |tx| {
                let mut books = books::open(tx)?;
                let mut checkpoint = books::load_checkpoint(&mut books, &id)?;
                checkpoint.end(at);
                books::keep_checkpoint(&mut books, checkpoint)
            });
            passed.await.map_err(refused)?;
        }
        Ok(())
    }
}
