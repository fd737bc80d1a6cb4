//! What reservations are refused with. Each kind is a code of the HTTP API; none can be mended by
//! trying again at once.

use everstep_engine::{ActivityError, Payload};

use super::{Reservation, ReservationKey, ReservationStatus};

fn failure(code: &str, message: impl std::fmt::Display) -> ActivityError {
    ActivityError::new(code, message).non_retryable()
}

fn about(error: ActivityError, reservation: &Reservation) -> ActivityError {
    let details = serde_json::json!({
        "key": reservation.key.to_string(),
        "expires_at": reservation.expires_at,
    });
    match Payload::from_value(&details) {
        Ok(details) => error.with_details(details),
        Err(_) => error,
    }
}

pub(super) fn invalid_key(why: String) -> ActivityError {
    failure("INVALID_RESERVATION_KEY", why)
}

pub(super) fn ttl_required(key: &ReservationKey, longest_days: u64) -> ActivityError {
    let what = format!(
        "reservation of `{key}` needs a time to live, of 1 ms to {longest_days} days: without one it \
         would block the key for ever"
    );
    failure("RESERVATION_TTL_REQUIRED", what)
}

pub(super) fn already_reserved(held: &Reservation) -> ActivityError {
    let what = match held.status {
        ReservationStatus::Confirmed => format!("`{}` is already reserved, for good", held.key),
        _ => format!("`{}` is already reserved, until {}", held.key, held.expires_at),
    };
    about(failure("ALREADY_RESERVED", what), held)
}

pub(super) fn not_found(what: &str) -> ActivityError {
    failure("RESERVATION_NOT_FOUND", format!("reservation `{what}` does not exist"))
}

/// Why a reservation that has ended, or is confirmed, cannot be confirmed or released.
pub(super) fn not_active(reservation: &Reservation) -> ActivityError {
    let (id, key) = (&reservation.reservation_id, &reservation.key);
    let at = reservation.expires_at;
    let (code, what) = match reservation.status {
        ReservationStatus::Expired => {
            ("RESERVATION_EXPIRED", format!("`{id}` of `{key}` expired at {at}; reserve again"))
        }
        ReservationStatus::Released => {
            ("RESERVATION_RELEASED", format!("`{id}` of `{key}` was released; reserve again"))
        }
        ReservationStatus::Confirmed | ReservationStatus::Active => {
            let entity = reservation.entity_id.as_deref().unwrap_or_default();
            let what = format!("`{id}` of `{key}` is confirmed for `{entity}`");
            ("RESERVATION_ALREADY_CONFIRMED", what)
        }
    };
    about(failure(code, format!("reservation {what}")), reservation)
}
