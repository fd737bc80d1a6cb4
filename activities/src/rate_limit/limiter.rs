//! A limit whose meters stand in the store.

use everstep_engine::{ActivityError, Keys, Table, TransactionContext};

use super::{Decision, Meter, RateLimit};

/// What each key of each limit has used up.
pub(super) const METERS: Table<Meter> = Table::new("everstep", "rate_limits");
/// Between a limit's name and a key in a row: no name has it, so that limit `a` with key `b/c` is
/// never limit `a/b` with key `c`.
const JOINT: char = '\u{1f}';
/// How many other rows a request looks at, to be rid of those that say nothing any more.
const SWEPT: usize = 2;

/// Something that says whether a key may do something now. A program that wants another one gives
/// its own where it puts its worker together.
pub trait RateLimiter: Send + Sync {
    /// Asks for `cost` within a transaction; what is granted counts if the transaction commits.
    ///
    /// # Errors
    /// When the store cannot be read or written; not when it is denied.
    fn take(
        &self,
        tx: &mut TransactionContext<'_>,
        key: &str,
        cost: u64,
    ) -> Result<Decision, ActivityError>;

    /// What is shown of it, where its meters stand in the store.
    fn durable(&self) -> Option<DurableLimiter> {
        None
    }
}

/// A limit by key, whose meters are rows of the asking transaction's namespace.
#[derive(Clone, Copy, Debug)]
pub struct DurableLimiter {
    name: &'static str,
    limit: RateLimit,
}

impl DurableLimiter {
    /// The limit under its durable name, such as `commandDispatch`. A name with another limit than
    /// before goes on with what was used up.
    pub const fn new(name: &'static str, limit: RateLimit) -> Self {
        Self { name, limit }
    }

    /// Its durable name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How much it grants.
    pub const fn limit(&self) -> RateLimit {
        self.limit
    }

    fn row(&self, key: &str) -> String {
        row_of(self.name, key)
    }

    /// Deletes rows beside this one that a fresh row would answer for as well.
    fn sweep(
        &self,
        tx: &mut TransactionContext<'_>,
        row: &str,
        now_ms: i64,
    ) -> Result<(), ActivityError> {
        let own = Keys::prefix(self.row(""));
        let mut beside = tx.range(METERS, &own.clone().after(row).limit(SWEPT))?;
        if beside.len() < SWEPT {
            // The last ones: the next turn begins at the first.
            beside.extend(tx.range(METERS, &own.limit(SWEPT))?);
        }
        for (other, meter) in beside {
            if other != row && self.limit.is_spent(meter, now_ms) {
                tx.delete(METERS, &other)?;
            }
        }
        Ok(())
    }
}

/// The row of a limit's key.
pub(super) fn row_of(limit: &str, key: &str) -> String {
    format!("{limit}{JOINT}{key}")
}

/// The limit and the key of a row.
pub(super) fn limit_and_key(row: &str) -> Option<(&str, &str)> {
    row.split_once(JOINT)
}

impl RateLimiter for DurableLimiter {
    fn durable(&self) -> Option<DurableLimiter> {
        Some(*self)
    }

    fn take(
        &self,
        tx: &mut TransactionContext<'_>,
        key: &str,
        cost: u64,
    ) -> Result<Decision, ActivityError> {
        let row = self.row(key);
        let now_ms = tx.now().as_millis();
        let known = tx.get(METERS, &row)?;
        let (decision, meter) = self.limit.take(known.unwrap_or_default(), cost, now_ms);
        if decision.allowed {
            tx.put(METERS, &row, &meter)?;
            if known.is_none() {
                self.sweep(tx, &row, now_ms)?;
            }
        }
        Ok(decision)
    }
}
