//! The circuits' rows, and the one way to move one.

use everstep_engine::{ActivityError, Table, Timestamp, TransactionContext};
use serde::{Deserialize, Serialize};

use super::timer;
use super::{Breaker, CircuitConfig, Circuits};

/// By name.
pub(super) const CIRCUITS: Table<CircuitRow> = Table::new("everstep", "circuits");

/// A circuit as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CircuitRow {
    pub(super) breaker: Breaker,
    pub(super) config: CircuitConfig,
    pub(super) updated_at: Timestamp,
}

/// Moves a circuit, on its newest state, with its timer where it opens.
pub(super) fn change<T>(
    tx: &mut TransactionContext<'_>,
    name: &str,
    config: CircuitConfig,
    act: impl FnOnce(&mut Breaker) -> T,
) -> Result<T, ActivityError> {
    let before = tx.get(CIRCUITS, name)?.map(|row| row.breaker).unwrap_or_default();
    let mut breaker = before.clone();
    let answer = act(&mut breaker);
    if breaker != before {
        let row = CircuitRow { breaker, config, updated_at: tx.now() };
        tx.put(CIRCUITS, name, &row)?;
        if row.breaker.openings > before.openings {
            timer::start(tx, name, &row)?;
        }
        breaker = row.breaker;
    }
    if let Some(circuits) = tx.extension::<Circuits>() {
        circuits.remember(tx.namespace(), name, breaker);
    }
    Ok(answer)
}
