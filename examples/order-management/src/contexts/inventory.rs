//! What is on the shelf, and what is held for orders.
//!
//! All of it is one consistency boundary: a reservation over several products is decided on all of
//! them at once, happens as one event or not at all, and moves the warehouse's scope by one.

use everstep::commands::{Boundary, Changed, Command, WorkerCommands, decode};
use everstep::contexts::{Context, Contract, WorkerContexts};
use everstep::language::SchemaVersion;
use everstep::log::{RecordedEvent, StreamId};
use everstep::projections::{Category, Projection, ProjectionCode, ProjectionWorker};
use everstep::{ActivityError, BoundedContext, TransactionContext, Worker};
use order_domain::inventory::{
    Inventories, Inventory, InventoryCommand, InventoryEvent, Portion, Reservation, Stock,
};
use serde::{Deserialize, Serialize};

use super::customers::given;
use crate::views::{ORDER_EXISTS, order_exists};

#[derive(Debug)]
pub(crate) struct InventoryContext(());

impl BoundedContext for InventoryContext {
    const NAME: &'static str = "inventory";
}

const V1: SchemaVersion = SchemaVersion::new(1, 0, 0);

/// What decisions about stock read.
pub(crate) const STOCK_LEVELS: Projection<Stock> = Projection::new("stockLevels", Category::Logic);
/// What decisions about reservations read.
const RESERVATIONS: Projection<Reservation> = Projection::new("reservations", Category::Logic);
/// The events of this context.
pub(crate) const EVENTS: [&str; 5] = [
    "ProductCreated",
    "StockAdded",
    "ReservationCreated",
    "ReservationConfirmed",
    "ReservationReleased",
];

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateProduct {
    pub(crate) product_id: String,
    pub(crate) name: String,
    pub(crate) price_cents: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReserveStock {
    pub(crate) reservation_id: String,
    pub(crate) order_id: String,
    pub(crate) items: Vec<Portion>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConfirmReservation {
    pub(crate) reservation_id: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReleaseReservation {
    pub(crate) reservation_id: String,
    pub(crate) reason: String,
}

pub(crate) const CREATE_PRODUCT: Command<CreateProduct, Changed> = Command::new("CreateProduct")
    .check(|new| given([("productId", &new.product_id), ("name", &new.name)]));
pub(crate) const ADD_STOCK: Command<Portion, Changed> =
    Command::new("AddStock").check(|added| some_of(std::slice::from_ref(added)));
/// All that an order needs, or nothing: `INSUFFICIENT_STOCK` names what is short. The order must
/// exist.
pub(crate) const RESERVE_STOCK: Command<ReserveStock, Changed> = Command::new("ReserveStock")
    .check(|wanted| {
        given([("reservationId", &wanted.reservation_id), ("orderId", &wanted.order_id)])?;
        some_of(&wanted.items)
    });
pub(crate) const CONFIRM_RESERVATION: Command<ConfirmReservation, Changed> =
    Command::new("ConfirmReservation");
/// Puts everything back, once: what is released already stays so.
pub(crate) const RELEASE_RESERVATION: Command<ReleaseReservation, Changed> =
    Command::new("ReleaseReservation");

/// The most products of one reservation.
const MOST_ITEMS: usize = 100;

fn some_of(items: &[Portion]) -> Result<(), String> {
    match items {
        [] => Err("field `items` is empty".to_owned()),
        items if items.len() > MOST_ITEMS => Err(format!("more than {MOST_ITEMS} items")),
        items => match items.iter().find(|item| item.quantity == 0) {
            Some(item) => Err(format!("the quantity of `{}` is 0", item.product_id)),
            None => Ok(()),
        },
    }
}

/// Where stock and reservations belong.
struct Warehouse;

impl Boundary for Warehouse {
    type Decider = Inventories;
    const CONTEXT: &'static str = InventoryContext::NAME;

    fn scope(_: &InventoryCommand) -> (String, String) {
        ("warehouse".to_owned(), "main".to_owned())
    }

    fn read(
        tx: &TransactionContext<'_>,
        command: &InventoryCommand,
    ) -> Result<Inventory, ActivityError> {
        let mut inventory = Inventory::default();
        for product in command.product_ids() {
            if let Some(stock) = STOCK_LEVELS.get(tx, product)? {
                inventory.products.insert(product.to_owned(), stock);
            }
        }
        if let Some(id) = command.reservation_id() {
            inventory.reservation = RESERVATIONS.get(tx, id)?;
        }
        if let Some(order) = command.order_id() {
            inventory.order_exists = ORDER_EXISTS.get(tx, order)?.unwrap_or_default();
        }
        Ok(inventory)
    }

    fn stream(event: &InventoryEvent) -> StreamId {
        match (event.reservation(), event.product_ids().as_slice()) {
            (Some((reservation, _)), _) => StreamId::new("inventory.Reservation", reservation),
            (None, products) => {
                StreamId::new("inventory.Product", products.first().copied().unwrap_or_default())
            }
        }
    }

    fn tags(event: &InventoryEvent) -> Vec<String> {
        let mut tags: Vec<String> =
            event.product_ids().iter().map(|product| format!("product:{product}")).collect();
        if let Some((reservation, order)) = event.reservation() {
            tags.extend([format!("reservation:{reservation}"), format!("order:{order}")]);
        }
        tags
    }
}

/// What an event of this context says.
pub(crate) fn said(event: &RecordedEvent) -> Result<Option<InventoryEvent>, String> {
    decode(event).map_err(|error| error.to_string())
}

/// The products that an event touches; what cannot be read is told when it is folded.
pub(crate) fn products(event: &RecordedEvent) -> Vec<String> {
    let said = said(event).ok().flatten();
    let own = said.iter().flat_map(InventoryEvent::product_ids);
    own.map(str::to_owned).collect()
}

fn stock_levels() -> ProjectionCode {
    STOCK_LEVELS
        .rows(products, |product, stock, event| {
            Ok(match said(event)? {
                Some(event) => Stock::after(stock, product, &event),
                None => stock,
            })
        })
        .events(EVENTS)
}

fn reservations() -> ProjectionCode {
    let keys = |event: &RecordedEvent| {
        let said = said(event).ok().flatten();
        said.and_then(|event| Some(event.reservation()?.0.to_owned()))
    };
    RESERVATIONS
        .row(keys, |reservation, event| {
            Ok(match said(event)? {
                Some(event) => Reservation::after(reservation, &event),
                None => reservation,
            })
        })
        .events(EVENTS)
}

pub(super) fn register(worker: Worker) -> Worker {
    let contract = Contract::new(InventoryContext::NAME, V1)
        .description("what is on the shelf, and what is held for orders")
        .commands([
            CREATE_PRODUCT.name(),
            ADD_STOCK.name(),
            RESERVE_STOCK.name(),
            CONFIRM_RESERVATION.name(),
            RELEASE_RESERVATION.name(),
        ])
        .events(EVENTS)
        .errors([
            "PRODUCT_ALREADY_EXISTS",
            "PRODUCT_NOT_FOUND",
            "INSUFFICIENT_STOCK",
            "ORDER_NOT_FOUND",
            "RESERVATION_ALREADY_EXISTS",
            "RESERVATION_NOT_FOUND",
            "INVALID_STATUS",
        ]);
    worker
        .context(Context::new(InventoryContext(()), contract).by_deciders())
        .projection(stock_levels())
        .projection(reservations())
        .projection(order_exists())
        .commands(|commands| {
            commands
                .within::<Warehouse, _>(CREATE_PRODUCT, |new| {
                    let CreateProduct { product_id, name, price_cents } = new;
                    InventoryCommand::CreateProduct { product_id, name, price_cents }
                })
                .within::<Warehouse, _>(ADD_STOCK, InventoryCommand::AddStock)
                .within::<Warehouse, _>(RESERVE_STOCK, |wanted| {
                    let ReserveStock { reservation_id, order_id, items } = wanted;
                    InventoryCommand::Reserve { reservation_id, order_id, items }
                })
                .within::<Warehouse, _>(CONFIRM_RESERVATION, |held| InventoryCommand::Confirm {
                    reservation_id: held.reservation_id,
                })
                .within::<Warehouse, _>(RELEASE_RESERVATION, |held| InventoryCommand::Release {
                    reservation_id: held.reservation_id,
                    reason: held.reason,
                });
        })
}
