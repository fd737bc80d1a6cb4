//! What is fulfilled, and the names that everyone shares: the workflow, its activities, its signal
//! and its query.

use std::time::Duration;

use everstep::{Activity, Query, Retry, Signal, Workflow};
use order_domain::order::OrderItem;
use serde::{Deserialize, Serialize};

/// Takes an order from the shelf to the customer, or undoes what was done of it.
pub(crate) const FULFIL_ORDER: Workflow<FulfilOrder, Receipt> = Workflow::new("fulfil_order");

/// Charges the customer; `card_declined` is final, everything else is tried again.
pub(crate) const CHARGE: Activity<Charge, Charged> = Activity::new("charge").retry(PATIENT);
/// Gives back what was charged for an order, if anything.
pub(crate) const REFUND: Activity<Refund, ()> = Activity::new("refund");
/// Hands the goods to the carrier; `undeliverable` is final.
pub(crate) const SHIP: Activity<Parcel, Shipment> = Activity::new("ship");

/// Someone approves or rejects an order above the limit.
pub(crate) const DECISION: Signal<Decision> = Signal::new("decision");
/// Where the order stands.
pub(crate) const STATUS: Query<(), Status> = Query::new("status");

/// For a service that fails now and then: soon, then with more patience.
const PATIENT: Retry = Retry::DEFAULT
    .initial_interval(Duration::from_millis(250))
    .max_interval(Duration::from_secs(20))
    .max_attempts(10);

/// Orders above it wait for someone's approval.
pub(crate) const APPROVAL_LIMIT_CENTS: u64 = 50_000;
/// How long they wait.
pub(crate) const APPROVAL_DEADLINE: Duration = Duration::from_secs(24 * 3600);

/// What fulfilment needs of a submitted order, and nothing personal: histories keep it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FulfilOrder {
    pub(crate) order_id: String,
    pub(crate) customer_id: String,
    pub(crate) items: Vec<OrderItem>,
    pub(crate) total_cents: u64,
    pub(crate) city: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Charge {
    pub(crate) order_id: String,
    pub(crate) customer: String,
    pub(crate) amount_cents: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Charged {
    pub(crate) charge_id: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) order_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Parcel {
    pub(crate) order_id: String,
    pub(crate) city: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Shipment {
    pub(crate) tracking_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) charge_id: String,
    pub(crate) tracking_id: String,
    pub(crate) approved_by: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Decision {
    pub(crate) approved: bool,
    pub(crate) by: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Reserving,
    AwaitingApproval,
    Charging,
    Confirming,
    Shipping,
    Shipped,
    /// Something failed for good; whatever was done is being undone.
    Undoing,
    /// It is undone.
    Undone,
}
