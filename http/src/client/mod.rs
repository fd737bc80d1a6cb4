//! The HTTP client: API.md's calls as async functions, typed by the SDK's constants or plain JSON.
//!
//! ```no_run
//! use everstep::client::Client;
//! use everstep::{Signal, Workflow};
//!
//! const GREET: Workflow<String, String> = Workflow::new("greet");
//! const NAME: Signal<String> = Signal::new("name");
//!
//! # async fn example() -> Result<(), everstep::client::ClientError> {
//! let client = Client::new("http://127.0.0.1:3837")?;
//! let greeting = client.workflow(GREET, &"Ada".to_owned())?.id("greet-ada").start().await?;
//! greeting.signal(NAME, &"Grace".to_owned()).await?;
//! println!("{}", greeting.result().await?);
//! # Ok(())
//! # }
//! ```
//!
//! Invariant: every call ends: with an answer, with the server's own problem document, or with an
//! error that names the URL. Nothing is retried once the server may have seen it; whoever wants to
//! try again sends an idempotency key.

mod activities;
mod agents;
mod batch;
mod circuits;
mod commands;
mod connection;
mod dead_letters;
mod domain;
mod error;
mod event;
mod event_page;
mod events;
mod export;
mod limits;
mod operate;
mod path;
mod process_managers;
mod projections;
mod publications;
mod queues;
mod reactive;
mod sagas;
mod schedules;
mod sse;
mod subscriptions;
mod typed;
mod updates;
mod workflows;

pub use agents::AgentFilter;
pub use commands::CommandInput;
pub use domain::ContractReport;
pub use error::{ClientError, Problem};
pub use event::{Event, EventPage};
pub use events::EventFilter;
pub use projections::{ProjectionInfo, ProjectionRow, ProjectionRows, RebuildVerb};
pub use reactive::{ReactiveProjection, ReactiveView, Sent};
pub use sse::{EventStream, LogStream};
pub use subscriptions::{
    ParkedEvents, ParkedInfo, SettledEvents, SubscriptionDelivery, SubscriptionInfo,
};
pub use typed::{Handle, Start};
pub use workflows::{Client, StartAnswer};
