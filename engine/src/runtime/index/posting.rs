//! Lists of run ids in rows that are appended to.
//!
//! Invariant: an id that stands in a row an even number of times was erased. So erasing appends
//! what starting or closing appended, needs no read, and commutes with what is in flight.

use crate::{RunId, Timestamp};

/// The ids in a row of `STARTED`, in ascending order.
pub(crate) fn started_in(key: &[u8], stored: &[u8]) -> Vec<RunId> {
    let Some(ms) = key.last_chunk::<6>() else { return Vec::new() };
    let ids = stored.as_chunks::<10>().0.iter().map(|rest| {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(ms);
        bytes[6..].copy_from_slice(rest);
        RunId::from_bytes(bytes)
    });
    kept(ids.collect())
}

/// The ids in a row of `CLOSED`, in ascending order, and when they closed.
pub(crate) fn closed_in(key: &[u8], stored: &[u8]) -> Option<(Timestamp, Vec<RunId>)> {
    let at = i64::from_be_bytes(*key.last_chunk::<8>()?);
    let ids = stored.as_chunks::<16>().0.iter().map(|id| RunId::from_bytes(*id));
    Some((Timestamp::from_millis(at), kept(ids.collect())))
}

/// Those that stand there an odd number of times.
fn kept(mut ids: Vec<RunId>) -> Vec<RunId> {
    if !ids.is_sorted_by(|one, next| one < next) {
        ids.sort_unstable();
        let groups = ids.chunk_by(|one, next| one == next);
        ids = groups.filter(|group| group.len() % 2 == 1).map(|group| group[0]).collect();
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_stands_there_twice_is_erased() {
        let id = |n: u8| RunId::from_bytes([n; 16]);
        assert_eq!(kept(vec![id(1), id(2)]), [id(1), id(2)]);
        assert_eq!(kept(vec![id(2), id(1), id(3), id(2)]), [id(1), id(3)]);
        let mut stored = Vec::new();
        for n in [2, 1, 2] {
            stored.extend_from_slice(id(n).as_bytes());
        }
        let (at, ids) = closed_in(&9_i64.to_be_bytes(), &stored).unwrap();
        assert_eq!((at, ids), (Timestamp::from_millis(9), vec![id(1)]));
        assert_eq!(started_in(&[7; 6], &[7; 10]), [id(7)]);
    }
}
