//! The rules of the order shop: what may happen to orders, stock and customers.
//!
//! # Invariants
//!
//! - Everything in here is a pure function: the same state, command and moment give the same
//!   events. Time and ids are arguments.
//! - State follows from events alone, and from what they say rather than from what would be
//!   calculated today.
//! - No state keeps what is personal: a customer's e-mail stands in events only, where it is sealed.
//!
//! # Map
//!
//! - [`order`]: draft, submitted, confirmed, cancelled.
//! - [`inventory`]: products in stock, and reservations over several of them.
//! - [`customer`]: who orders.

pub mod customer;
pub mod inventory;
pub mod order;
mod personal;
