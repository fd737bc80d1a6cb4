//! For how long a command's record is kept.
//!
//! Invariant: a record that has had its time answers nothing, whether or not it was swept away
//! yet; its events stay, and under their own idempotency key they are still stored once.

use everstep_engine::{ActivityError, Timestamp, TransactionContext};

use super::record::{CommandRecord, CommandStatus, ids_before, record};
use super::registry::Commands;

/// How long a record is kept unless the worker says otherwise: 30 days, in milliseconds.
pub const DEFAULT_RETENTION_MS: u64 = 30 * 24 * 3_600 * 1_000;

/// One command in so many looks for records that have had their time.
const SWEEP_EACH: u64 = 16;
/// Records that such a command sweeps away, of each status.
const SWEPT: usize = 32;

/// Whether the record has had its time.
pub(super) fn is_over(record: &CommandRecord, now: Timestamp, kept_for_ms: u64) -> bool {
    now.millis_since(Timestamp::from_millis(record.received_at_ms)) > kept_for_ms
}

/// Sweeps a few old records away, now and then.
pub(super) fn sweep(
    tx: &mut TransactionContext<'_>,
    commands: &Commands,
    command_id: &str,
) -> Result<(), ActivityError> {
    // FNV-1a: which commands sweep depends on their ids alone.
    let hash = command_id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    if !hash.is_multiple_of(SWEEP_EACH) {
        return Ok(());
    }
    cleanup_expired(tx, commands.kept_for_ms(), SWEPT).map(drop)
}

/// Sweeps at most `most` records of each status away that have had their time; answers how many.
pub(super) fn cleanup_expired(
    tx: &mut TransactionContext<'_>,
    kept_for_ms: u64,
    most: usize,
) -> Result<usize, ActivityError> {
    let before =
        tx.now().as_millis().saturating_sub(i64::try_from(kept_for_ms).unwrap_or(i64::MAX));
    let mut swept = 0;
    for status in CommandStatus::ALL {
        for (_, id) in ids_before(tx, status, before - 1, most)? {
            if let Some(old) = record(tx, &id)? {
                old.forget(tx)?;
                swept += 1;
            }
        }
    }
    Ok(swept)
}
