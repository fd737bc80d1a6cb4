//! Bells, which nobody rings twice in a row: a limiter of the program's own.
//!
//! | command | payload | refused with |
//! | --- | --- | --- |
//! | `Ring` | `{id}` | `RATE_LIMITED` to who rang last |
//!
//! It takes the place of the ones that come with Everstep here, where the worker is put together, and
//! nowhere else.

use everstep::commands::{Command, Commands, Decision, Handled, WorkerCommands};
use everstep::rate_limit::{Decision as Granted, RateLimiter};
use everstep::{ActivityError, Table, TransactionContext, Worker};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct Ring {
    id: String,
}

const RING: Command<Ring, ()> = Command::new("Ring");
/// Who rang last.
const LAST: Table<String> = Table::new("bells", "last");

/// Grants to anybody but who was granted last.
struct InTurns;

impl RateLimiter for InTurns {
    fn take(
        &self,
        tx: &mut TransactionContext<'_>,
        key: &str,
        _cost: u64,
    ) -> Result<Granted, ActivityError> {
        let allowed = tx.get(LAST, "ringer")?.as_deref() != Some(key);
        if allowed {
            tx.put(LAST, "ringer", &key.to_owned())?;
        }
        Ok(Granted { allowed, retry_after_ms: None })
    }
}

fn declare(commands: &mut Commands) {
    commands.handle(RING, |_, _, _| Ok(Handled::Executed(Decision::new()))).limit_by(RING, InTurns);
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.commands(declare)
}
