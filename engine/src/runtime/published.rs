//! What a run has published, as it is stored.
//!
//! Invariant: a row is the newest value's JSON text, or says how large that value was where there
//! was no room for it. It never is an older value: who asks is told the newest or that it is
//! missing.

use std::borrow::Cow;

use everstep_storage::{Range, Snapshot};

use super::keys::{self, PUBLISHED};
use crate::{Payload, Rejection, RunId};

/// No JSON text begins with it.
const MISSING: u8 = 0;

/// The row for a value that may be too large.
pub(super) fn stored<'a>(name: &str, payload: &'a Payload, limit: usize) -> Cow<'a, [u8]> {
    let bytes = payload.as_bytes().len();
    if bytes <= limit {
        return Cow::Borrowed(payload.as_bytes());
    }
    tracing::warn!(query = name, bytes, limit, "published state is too large: queries are refused");
    let mut row = vec![MISSING];
    row.extend_from_slice(&(bytes as u64).to_le_bytes());
    row.extend_from_slice(&(limit as u64).to_le_bytes());
    Cow::Owned(row)
}

/// What a run has published under a name, if anything.
pub(crate) fn read(
    snapshot: &dyn Snapshot,
    namespace: &str,
    run_id: RunId,
    name: &str,
) -> Result<Option<Payload>, Rejection> {
    let row = snapshot.get(PUBLISHED, &keys::published(namespace, run_id, name))?;
    let Some(row) = row else { return Ok(None) };
    if let Some((bytes, limit)) = missing(&row) {
        let what = format!("state published as `{name}`");
        return Err(Rejection::PayloadTooLarge { what, bytes, limit });
    }
    Payload::parse(row)
        .map(Some)
        .map_err(|error| Rejection::Corrupt(format!("published state of run {run_id}: {error}")))
}

/// Everything that a run has published and had room.
pub(super) fn read_all(
    snapshot: &dyn Snapshot,
    namespace: &str,
    run_id: RunId,
) -> Result<std::collections::BTreeMap<String, Payload>, Rejection> {
    let prefix = keys::run(namespace, run_id);
    let rows = snapshot.range(Range::prefix(PUBLISHED, &prefix))?;
    let named = rows.into_iter().filter_map(|(key, row)| {
        let name = String::from_utf8(key.get(prefix.len()..)?.to_vec()).ok()?;
        Some((name, Payload::parse(row).ok()?))
    });
    Ok(named.collect())
}

fn missing(row: &[u8]) -> Option<(usize, usize)> {
    let (&first, rest) = row.split_first()?;
    let (bytes, limit) = rest.split_first_chunk::<8>().filter(|_| first == MISSING)?;
    let limit = limit.first_chunk::<8>()?;
    let read = |bytes: &[u8; 8]| usize::try_from(u64::from_le_bytes(*bytes)).ok();
    Some((read(bytes)?, read(limit)?))
}
