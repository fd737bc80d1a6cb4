//! Reserving, confirming and releasing, each as a part of the transaction that calls it.
//!
//! The row under a key's keyed hash names the reservation that holds it, so the row's key does not
//! show the value. Confirming and what creates the entity are one transaction: call [`confirm`] where
//! the entity is written.

use everstep_engine::{ActivityError, Keys, Table, Transaction, TransactionContext};

use super::expiry::{EXPIRE_RESERVATION, expiry_workflow_id};
use super::failure::{already_reserved, not_active, not_found, ttl_required};
use super::{Claim, Reservation, ReservationKey, ReservationStatus};
use crate::deterministic_id::{random_id, stream_ids};

/// Reserves from a workflow: `ctx.transaction(RESERVE, claim)`.
pub const RESERVE: Transaction<Claim, Reservation> = Transaction::new("everstep.reserve");
/// Confirms from a workflow: the reservation's id and the entity's.
pub const CONFIRM: Transaction<(String, String), Reservation> =
    Transaction::new("everstep.confirm");
/// Releases from a workflow: the reservation's id.
pub const RELEASE: Transaction<String, Reservation> = Transaction::new("everstep.release");

/// By `type:hash`, the id of the newest reservation of the key.
const HOLDERS: Table<String> = Table::new("everstep", "reservation_holders");
/// By id.
const RESERVATIONS: Table<Reservation> = Table::new("everstep", "reservations");

/// What is hashed begins with this.
const HOLDER: &[u8] = b"everstep reservation 1";
const DAY_MS: u64 = 24 * 3_600 * 1_000;
/// A reservation is for the time in which something is being made.
const LONGEST_DAYS: u64 = 90;

/// Holds the claim's key, if nobody does.
///
/// # Errors
/// `ALREADY_RESERVED`, `RESERVATION_TTL_REQUIRED`.
pub fn reserve(
    tx: &mut TransactionContext<'_>,
    claim: Claim,
) -> Result<Reservation, ActivityError> {
    let Claim { key, ttl_ms, holder } = claim;
    let ttl_ms = ttl_ms.filter(|ttl| (1..=LONGEST_DAYS * DAY_MS).contains(ttl));
    let ttl_ms = ttl_ms.ok_or_else(|| ttl_required(&key, LONGEST_DAYS))?;
    let now = tx.now();
    if let Some(held) = find(tx, &key)?.filter(Reservation::holds) {
        let again = holder.is_some() && holder == held.holder;
        return match again && held.status == ReservationStatus::Active {
            true => Ok(held),
            false => Err(already_reserved(&held)),
        };
    }
    let reservation = Reservation {
        reservation_id: random_id(),
        status: ReservationStatus::Active,
        reserved_at: now,
        expires_at: now.plus_millis(ttl_ms),
        key,
        holder,
        entity_id: None,
    };
    let id = &reservation.reservation_id;
    // The row of an older secret, where there is one, goes: there is one holder.
    for (index, row) in holder_rows(tx, &reservation.key)?.iter().enumerate() {
        match index {
            0 => tx.put(HOLDERS, row, id)?,
            _ => tx.delete(HOLDERS, row)?,
        }
    }
    tx.put(RESERVATIONS, id, &reservation)?;
    tx.start(EXPIRE_RESERVATION, expiry_workflow_id(id), id)?;
    Ok(reservation)
}

/// Gives the reserved value to an entity for good. Call it in the transaction that creates the
/// entity: then there is never the one without the other.
///
/// # Errors
/// `RESERVATION_NOT_FOUND`, `RESERVATION_EXPIRED`, `RESERVATION_RELEASED`,
/// `RESERVATION_ALREADY_CONFIRMED`.
pub fn confirm(
    tx: &mut TransactionContext<'_>,
    reservation_id: &str,
    entity_id: &str,
) -> Result<Reservation, ActivityError> {
    let mut reservation = show(tx, reservation_id)?;
    if reservation.status != ReservationStatus::Active {
        return Err(not_active(&reservation));
    }
    reservation.status = ReservationStatus::Confirmed;
    reservation.entity_id = Some(entity_id.to_owned());
    tx.put(RESERVATIONS, reservation_id, &reservation)?;
    Ok(reservation)
}

/// Gives a reservation back: its key is free at once. One that has ended already stays as it is and
/// is answered so.
///
/// # Errors
/// `RESERVATION_NOT_FOUND`, `RESERVATION_ALREADY_CONFIRMED`.
pub fn release(
    tx: &mut TransactionContext<'_>,
    reservation_id: &str,
) -> Result<Reservation, ActivityError> {
    let mut reservation = show(tx, reservation_id)?;
    match reservation.status {
        ReservationStatus::Active => {
            reservation.status = ReservationStatus::Released;
            tx.put(RESERVATIONS, reservation_id, &reservation)?;
            Ok(reservation)
        }
        ReservationStatus::Confirmed => Err(not_active(&reservation)),
        ReservationStatus::Released | ReservationStatus::Expired => Ok(reservation),
    }
}

/// Frees the value that an entity has: when it takes another one, or ends to exist.
///
/// # Errors
/// `RESERVATION_NOT_FOUND` when the entity does not have it.
pub fn give_up(
    tx: &mut TransactionContext<'_>,
    key: &ReservationKey,
    entity_id: &str,
) -> Result<Reservation, ActivityError> {
    let held = find(tx, key)?.filter(|held| {
        held.status == ReservationStatus::Confirmed && held.entity_id.as_deref() == Some(entity_id)
    });
    let mut held = held.ok_or_else(|| not_found(&key.to_string()))?;
    held.status = ReservationStatus::Released;
    let id = held.reservation_id.clone();
    tx.put(RESERVATIONS, &id, &held)?;
    Ok(held)
}

/// A reservation by its id, as it is now.
///
/// # Errors
/// `RESERVATION_NOT_FOUND`.
pub fn show(
    tx: &TransactionContext<'_>,
    reservation_id: &str,
) -> Result<Reservation, ActivityError> {
    let found = tx.get(RESERVATIONS, reservation_id)?.ok_or_else(|| not_found(reservation_id))?;
    Ok(found.at(tx.now()))
}

/// The newest reservation of a key, as it is now; one that ended is found until the key is reserved
/// again or it is forgotten.
///
/// # Errors
/// When the store cannot be read.
pub fn find(
    tx: &mut TransactionContext<'_>,
    key: &ReservationKey,
) -> Result<Option<Reservation>, ActivityError> {
    for row in holder_rows(tx, key)? {
        if let Some(id) = tx.get(HOLDERS, &row)? {
            let found = tx.get(RESERVATIONS, &id)?;
            return Ok(found.map(|found| found.at(tx.now())));
        }
    }
    Ok(None)
}

/// Reservations in the order of their ids, after one of them.
///
/// # Errors
/// When the store cannot be read.
pub fn list(
    tx: &TransactionContext<'_>,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Reservation>, ActivityError> {
    let mut keys = Keys::all().limit(limit);
    if let Some(after) = after {
        keys = keys.after(after);
    }
    let now = tx.now();
    let found = tx.range(RESERVATIONS, &keys)?;
    Ok(found.into_iter().map(|(_, reservation)| reservation.at(now)).collect())
}

/// Writes down that a reservation's time is over, if it is; answers whether its row is to be
/// forgotten later.
pub(super) fn expire(
    tx: &mut TransactionContext<'_>,
    reservation_id: &str,
) -> Result<bool, ActivityError> {
    let Some(stored) = tx.get(RESERVATIONS, reservation_id)? else { return Ok(false) };
    let was_active = stored.status == ReservationStatus::Active;
    let reservation = stored.at(tx.now());
    if was_active && reservation.status == ReservationStatus::Expired {
        tx.put(RESERVATIONS, reservation_id, &reservation)?;
    }
    Ok(reservation.status != ReservationStatus::Confirmed)
}

/// Forgets a reservation that ended.
pub(super) fn forget(
    tx: &mut TransactionContext<'_>,
    reservation_id: &str,
) -> Result<(), ActivityError> {
    let Some(reservation) = tx.get(RESERVATIONS, reservation_id)? else { return Ok(()) };
    let reservation = reservation.at(tx.now());
    if reservation.holds() {
        return Ok(());
    }
    tx.delete(RESERVATIONS, reservation_id)?;
    for row in holder_rows(tx, &reservation.key)? {
        if tx.get(HOLDERS, &row)?.as_deref() == Some(reservation_id) {
            tx.delete(HOLDERS, &row)?;
        }
    }
    Ok(())
}

/// The rows under which a key's holder may stand: one for each of the namespace's secrets, the newest
/// first.
fn holder_rows(
    tx: &mut TransactionContext<'_>,
    key: &ReservationKey,
) -> Result<Vec<String>, ActivityError> {
    let hashes = stream_ids(tx)?.blind(HOLDER, &[key.kind(), key.value()]);
    Ok(hashes.into_iter().map(|hash| format!("{}:{hash}", key.kind())).collect())
}
