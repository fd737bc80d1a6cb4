//! Transactions over the application's rows, through the handle.

use tokio::sync::oneshot;

use super::Engine;
use crate::runtime::message::Message;
use crate::{ActivityError, Rejection, TransactionContext};

/// Why a transaction had no effect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransactError {
    /// The transaction's own code refused.
    #[error("{0}")]
    Failed(ActivityError),
    /// The engine refused: a start whose id is taken, a server that is shutting down.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

impl Engine {
    /// Runs a transaction over the application's rows of a namespace: what `code` writes, starts
    /// and signals is durable together when this returns, or nothing of it has happened. `code`
    /// runs on the engine's thread, on the newest state, so it must be quick.
    ///
    /// # Errors
    /// [`TransactError::Failed`] with the error that `code` returned; [`TransactError::Rejected`]
    /// when the engine cannot do what it asked for.
    pub async fn transact<O: Send + 'static>(
        &self,
        namespace: &str,
        code: impl FnOnce(&mut TransactionContext<'_>) -> Result<O, ActivityError> + Send + 'static,
    ) -> Result<O, TransactError> {
        let (ended, outcome) = oneshot::channel();
        let namespace = namespace.to_owned();
        let code = Box::new(move |tx: &mut TransactionContext<'_>| {
            let result = code(tx);
            let done = result.as_ref().map(drop).map_err(|error| error.failure().clone());
            // The caller may have gone; the writes count all the same.
            let _ = ended.send(result);
            done
        });
        let told = self.ask(|reply| Message::Transact { namespace, code, reply }).await;
        let vetoed = match told {
            Ok(()) => None,
            Err(Rejection::Vetoed(failure)) => Some(*failure),
            Err(rejection) => return Err(rejection.into()),
        };
        match outcome.await {
            Ok(result) => match (result.map_err(TransactError::Failed), vetoed) {
                // Its code has passed over the refusal of what it appended.
                (Ok(_), Some(failure)) => Err(TransactError::Failed(failure.into())),
                (result, _) => result,
            },
            Err(_) => Err(TransactError::Failed(ActivityError::new(
                "panic",
                "the transaction panicked; its message is in the log",
            ))),
        }
    }
}
