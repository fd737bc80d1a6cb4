//! The orders of R1, in the shape of `examples/order-management`: the commit that submits an order
//! begins its run, which reserves, charges, confirms and ships. What happens to an order are events
//! of the benchmark's size and tags.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::super::error::BenchError;
use super::super::load::Samples;
use super::source::{DATA_BYTES, group, half};
use crate::log::{Append, Expected, NewEvent, RecordedEvent, StreamAppend, StreamId};
use crate::{
    Activity, ActivityContext, ActivityError, Client, DEFAULT_NAMESPACE, Engine, Transaction,
    TransactionContext, Worker, Workflow, WorkflowContext, WorkflowError,
};

/// Submitted, reserved, the order confirmed, the reservation confirmed.
pub(super) const EVENTS_AN_ORDER: u64 = 4;
/// Orders that are open at a time: several seconds of them, which no order should take.
const IN_FLIGHT: usize = 512;
/// No order takes that long; one that does has failed.
const PATIENCE: Duration = Duration::from_secs(60);

const SUBMITTED: &str = "OrderSubmitted";

const FULFIL_ORDER: Workflow<Order, Receipt> = Workflow::new("fulfil_order");
const RESERVE_STOCK: Transaction<String, ()> = Transaction::new("reserve_stock");
const CHARGE: Activity<Order, u64> = Activity::new("charge");
const CONFIRM_ORDER: Transaction<String, ()> = Transaction::new("confirm_order");
const CONFIRM_RESERVATION: Transaction<String, ()> = Transaction::new("confirm_reservation");
const SHIP: Activity<String, String> = Activity::new("ship");

/// What is submitted.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    id: String,
    total_cents: u64,
    /// As long as it takes to make the event as large as the others.
    note: String,
}

/// What an order comes to.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Receipt {
    charged_cents: u64,
    tracking_id: String,
}

async fn fulfil_order(ctx: &WorkflowContext, order: Order) -> Result<Receipt, WorkflowError> {
    let id = order.id.clone();
    ctx.transaction(RESERVE_STOCK, id.clone()).await?;
    let charged_cents = ctx.activity(CHARGE, order).await?;
    ctx.transaction(CONFIRM_ORDER, id.clone()).await?;
    ctx.transaction(CONFIRM_RESERVATION, id.clone()).await?;
    let tracking_id = ctx.activity(SHIP, id).await?;
    Ok(Receipt { charged_cents, tracking_id })
}

async fn charge(_ctx: ActivityContext, order: Order) -> Result<u64, ActivityError> {
    Ok(order.total_cents)
}

async fn ship(_ctx: ActivityContext, order_id: String) -> Result<String, ActivityError> {
    Ok(tracking_id(&order_id))
}

fn tracking_id(order_id: &str) -> String {
    format!("parcel-{order_id}")
}

/// One event of an order, in a stream that has so many.
fn event_of(order_id: &str, event: NewEvent, (stream_type, version): (&str, u64)) -> Append {
    let event = event.tag(format!("order:{order_id}")).tag(group(rand::random()));
    let streams = vec![StreamAppend {
        stream: Some(StreamId::new(stream_type, order_id)),
        expected: Expected::Version(version),
        events: vec![event.tag(half(rand::random()))],
    }];
    Append { streams, ..Append::default() }
}

/// A transaction that appends one event of an order.
fn appends(
    event_type: &'static str,
    place: (&'static str, u64),
) -> impl Fn(&mut TransactionContext<'_>, String) -> Result<(), ActivityError> + Send + Sync + 'static
{
    let data = Bytes::from(format!("\"{}\"", "x".repeat(DATA_BYTES - 2)));
    move |tx, order_id| {
        let event = NewEvent::new(event_type, data.clone());
        tx.append(event_of(&order_id, event, place)).map(drop)
    }
}

/// Fulfils every order from the commit on in which it is submitted.
fn begin(tx: &mut TransactionContext<'_>, events: &[RecordedEvent]) -> Result<(), ActivityError> {
    for event in events.iter().filter(|event| event.event_type() == SUBMITTED) {
        let order: Order = serde_json::from_slice(event.data())
            .map_err(|error| ActivityError::new("no_order", error.to_string()))?;
        tx.start(FULFIL_ORDER, &order.id, &order)?;
    }
    Ok(())
}

/// Adds what fulfils orders.
pub(super) fn register(worker: Worker) -> Worker {
    worker
        .workflow(FULFIL_ORDER, fulfil_order)
        .transaction(RESERVE_STOCK, appends("StockReserved", ("Reservation", 0)))
        .activity(CHARGE, charge)
        .transaction(CONFIRM_ORDER, appends("OrderConfirmed", ("Order", 1)))
        .transaction(CONFIRM_RESERVATION, appends("ReservationConfirmed", ("Reservation", 1)))
        .activity(SHIP, ship)
        .on_append(begin)
}

/// What one order took.
struct Took {
    submitted: Duration,
    shipped: Duration,
}

/// What orders took.
#[derive(Default)]
pub(super) struct Times {
    /// To the acknowledgement of what submits them.
    pub(super) submitted: Samples,
    /// To the answer of their run.
    pub(super) shipped: Samples,
}

/// The customers.
pub(super) struct Orders {
    engine: Engine,
    begun: u64,
    open: JoinSet<Result<Took, BenchError>>,
    times: Times,
}

impl Orders {
    pub(super) fn new(engine: &Engine) -> Self {
        let (open, times) = (JoinSet::new(), Times::default());
        Self { engine: engine.clone(), begun: 0, open, times }
    }

    /// Orders that were begun, ever.
    pub(super) const fn begun(&self) -> u64 {
        self.begun
    }

    pub(super) fn are_done(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether one more may be open.
    pub(super) fn have_room(&self) -> bool {
        self.open.len() < IN_FLIGHT
    }

    /// Begins one.
    pub(super) fn begin(&mut self) {
        self.begun += 1;
        self.open.spawn(fulfilled(self.engine.clone(), self.begun));
    }

    /// Waits for the next one that is done, where one is open.
    pub(super) async fn next_done(&mut self) -> Result<(), BenchError> {
        let Some(ended) = self.open.join_next().await else { return Ok(()) };
        let took = ended.map_err(|error| BenchError::Failed(error.to_string()))??;
        self.times.submitted.add(took.submitted);
        self.times.shipped.add(took.shipped);
        Ok(())
    }

    /// What the orders took that are done since this was asked last.
    pub(super) fn take_times(&mut self) -> Times {
        std::mem::take(&mut self.times)
    }
}

/// Submits an order, and waits until it is shipped.
async fn fulfilled(engine: Engine, number: u64) -> Result<Took, BenchError> {
    let failed = |error: String| BenchError::Failed(format!("order {number}: {error}"));
    let mut order = Order { id: format!("o-{number}"), total_cents: number, note: String::new() };
    let data = serde_json::to_vec(&order).map_err(|error| failed(error.to_string()))?;
    order.note = "x".repeat(DATA_BYTES.saturating_sub(data.len()));
    let data = serde_json::to_vec(&order).map_err(|error| failed(error.to_string()))?;
    let append = event_of(&order.id, NewEvent::new(SUBMITTED, data), ("Order", 0));

    let from = Instant::now();
    engine.append(DEFAULT_NAMESPACE, append).await?;
    let submitted = from.elapsed();
    let result = Client::new(engine).handle(FULFIL_ORDER, &order.id).result();
    let result = tokio::time::timeout(PATIENCE, result).await;
    let result = result.map_err(|_| failed(format!("not done in {} s", PATIENCE.as_secs())))?;
    let receipt = result.map_err(|error| failed(error.to_string()))?;
    let shipped = from.elapsed();

    let wanted = Receipt { charged_cents: number, tracking_id: tracking_id(&order.id) };
    match receipt == wanted {
        true => Ok(Took { submitted, shipped }),
        false => Err(failed(format!("{receipt:?}, expected {wanted:?}"))),
    }
}
