//! Reservations: a value that must be unique (an email, a username) held for a while, until an entity
//! is created with it or it is given back.
//!
//! ```text
//!              reserve            confirm
//!   (free) ─────────────► active ─────────► confirmed ──give_up──► (free)
//!                           │ └──release──► released ────────────► (free)
//!                           └──its time ──► expired ─────────────► (free)
//! ```
//!
//! Invariant: at most one reservation of a key is active or confirmed, in each namespace. Whether one
//! is active is judged by the clock whenever it is looked at; the durable timer that writes `expired`
//! may be late without blocking anybody.

mod expiry;
mod failure;
mod hold;
mod key;
mod reservation;

pub use expiry::with_reservations;
pub use hold::{CONFIRM, RELEASE, RESERVE};
pub use hold::{confirm, find, give_up, list, release, reserve, show};
pub use key::ReservationKey;
pub use reservation::{Claim, Reservation, ReservationStatus};
