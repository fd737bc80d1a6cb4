//! Persistent subscriptions: named groups of consumers that share the events of the log, each event
//! handed out until it is settled, and in order within its lane.
//!
//! ```text
//! log ──► keeper.rs: reads ahead ──► window.rs: lanes, leases, pauses, parked ──► rows.rs
//!              ▲                                                                    │ one commit
//!   poll ack nack park replay  (service.rs)  ◄──────────────────────────────────────┘
//! ```
//!
//! Invariants:
//! - every event that matches is handed out until somebody settles it, parks it or discards it,
//!   whatever is appended meanwhile and whenever the process dies: at least once, and its position
//!   is what a consumer recognises a repetition by;
//! - of the events of one key none is handed out while an earlier one is open;
//! - what is handed out, parked and known ahead is bounded.

mod asks;
mod delivery;
mod error;
mod keeper;
mod life;
mod parked_event;
mod reading;
mod rows;
mod service;
mod settings;
mod settled;
mod status;
mod subscriber;
mod window;

pub use delivery::{Delivery, DeliveryToken};
pub use error::SubscriptionError;
pub use parked_event::ParkedEvent;
pub use service::{MOST_A_POLL, PollRequest, SubscriptionService};
pub use settings::{
    EventFilter, MOST_IN_FLIGHT, MOST_PARKED, NamedStart, OnPark, Partition, StartFrom,
    SubscriptionSettings,
};
pub use settled::Settled;
pub use status::{SubscriptionActivity, SubscriptionStatus};
pub use subscriber::{Consuming, Incoming, Subscriber, SubscriberWorker, Subscribers};
