//! What may be done in the warehouse.

use everstep_decider::{Decider, Moment, Output, Rejection};

use super::{
    Inventory, InventoryEvent, Portion, RESERVATION_STATUS, Reservation, ReservationStatus, Stock,
};

/// What may be wished for.
#[derive(Clone, Debug)]
pub enum InventoryCommand {
    /// A new product.
    CreateProduct {
        /// Which.
        product_id: String,
        /// For people.
        name: String,
        /// What one costs, in cents.
        price_cents: u64,
    },
    /// More of it.
    AddStock(Portion),
    /// All of these for an order, or none.
    Reserve {
        /// The reservation to be made.
        reservation_id: String,
        /// For which order.
        order_id: String,
        /// What it needs.
        items: Vec<Portion>,
    },
    /// Hold it for good.
    Confirm {
        /// Which reservation.
        reservation_id: String,
    },
    /// Put it back.
    Release {
        /// Which reservation.
        reservation_id: String,
        /// Why.
        reason: String,
    },
}

impl InventoryCommand {
    /// The products that the decision looks at.
    pub fn product_ids(&self) -> Vec<&str> {
        match self {
            Self::CreateProduct { product_id, .. } | Self::AddStock(Portion { product_id, .. }) => {
                vec![product_id]
            }
            Self::Reserve { items, .. } => {
                items.iter().map(|portion| portion.product_id.as_str()).collect()
            }
            Self::Confirm { .. } | Self::Release { .. } => Vec::new(),
        }
    }

    /// The order of another context that the decision asks for.
    pub fn order_id(&self) -> Option<&str> {
        match self {
            Self::Reserve { order_id, .. } => Some(order_id),
            _ => None,
        }
    }

    /// The reservation that the decision looks at.
    pub fn reservation_id(&self) -> Option<&str> {
        match self {
            Self::CreateProduct { .. } | Self::AddStock(_) => None,
            Self::Reserve { reservation_id, .. }
            | Self::Confirm { reservation_id }
            | Self::Release { reservation_id, .. } => Some(reservation_id),
        }
    }
}

/// Decides about the warehouse.
#[derive(Debug)]
pub struct Inventories;

impl Decider for Inventories {
    type State = Inventory;
    type Command = InventoryCommand;
    type Event = InventoryEvent;

    fn decide(inventory: &Inventory, command: &InventoryCommand, _: &mut Moment) -> Output<Self> {
        match decide(inventory, command) {
            Ok(event) => Output::success(inventory, event.into_iter().collect()),
            Err(rejection) => rejection.into(),
        }
    }

    fn evolve(inventory: Inventory, event: &InventoryEvent) -> Inventory {
        let Inventory { mut products, reservation, order_exists } = inventory;
        for product in event.product_ids() {
            if let Some(stock) = Stock::after(products.remove(product), product, event) {
                products.insert(product.to_owned(), stock);
            }
        }
        Inventory { products, reservation: Reservation::after(reservation, event), order_exists }
    }
}

fn decide(
    inventory: &Inventory,
    command: &InventoryCommand,
) -> Result<Option<InventoryEvent>, Rejection> {
    match command.clone() {
        InventoryCommand::CreateProduct { product_id, name, price_cents } => {
            if inventory.products.contains_key(&product_id) {
                let what = format!("product `{product_id}` exists already");
                return Err(
                    Rejection::new("PRODUCT_ALREADY_EXISTS", what).with("product", product_id)
                );
            }
            Ok(Some(InventoryEvent::ProductCreated { product_id, name, price_cents }))
        }
        InventoryCommand::AddStock(Portion { product_id, quantity }) => {
            stock(inventory, &product_id)?;
            Ok(Some(InventoryEvent::StockAdded { product_id, quantity }))
        }
        InventoryCommand::Reserve { reservation_id, order_id, items } => {
            if inventory.reservation.is_some() {
                let what = format!("reservation `{reservation_id}` exists already");
                let rejection = Rejection::new("RESERVATION_ALREADY_EXISTS", what);
                return Err(rejection.with("reservation", reservation_id));
            }
            if !inventory.order_exists {
                let what = format!("order `{order_id}` does not exist");
                return Err(Rejection::new("ORDER_NOT_FOUND", what).with("order", order_id));
            }
            let items = a_portion_a_product(items);
            items.iter().try_for_each(|portion| enough(inventory, portion))?;
            Ok(Some(InventoryEvent::ReservationCreated { reservation_id, order_id, items }))
        }
        InventoryCommand::Confirm { reservation_id } => {
            let held = moved(inventory, &reservation_id, ReservationStatus::Confirmed)?;
            let order_id = held.order_id.clone();
            Ok(Some(InventoryEvent::ReservationConfirmed { reservation_id, order_id }))
        }
        InventoryCommand::Release { reservation_id, reason } => {
            let released = |held: &Reservation| held.status == ReservationStatus::Released;
            if inventory.reservation.as_ref().is_some_and(released) {
                // Once is enough, however often it is asked for.
                return Ok(None);
            }
            let held = moved(inventory, &reservation_id, ReservationStatus::Released)?;
            let Reservation { order_id, items, .. } = held.clone();
            Ok(Some(InventoryEvent::ReservationReleased {
                reservation_id,
                order_id,
                items,
                reason,
            }))
        }
    }
}

fn stock<'i>(inventory: &'i Inventory, product: &str) -> Result<&'i Stock, Rejection> {
    inventory.products.get(product).ok_or_else(|| {
        let what = format!("there is no product `{product}`");
        Rejection::new("PRODUCT_NOT_FOUND", what).with("product", product)
    })
}

fn enough(inventory: &Inventory, portion: &Portion) -> Result<(), Rejection> {
    let product = portion.product_id.as_str();
    let available = stock(inventory, product)?.available;
    if available >= u64::from(portion.quantity) {
        return Ok(());
    }
    let wanted = portion.quantity;
    let what = format!("{wanted} of `{product}` are wanted and {available} are available");
    let rejection = Rejection::new("INSUFFICIENT_STOCK", what).with("product", product);
    Err(rejection.with("requested", wanted).with("available", available))
}

/// The reservation, if it may go on to `to`.
fn moved<'i>(
    inventory: &'i Inventory,
    id: &str,
    to: ReservationStatus,
) -> Result<&'i Reservation, Rejection> {
    let held = inventory.reservation.as_ref().ok_or_else(|| {
        let what = format!("there is no reservation `{id}`");
        Rejection::new("RESERVATION_NOT_FOUND", what).with("reservation", id)
    })?;
    let checked = RESERVATION_STATUS.check(held.status, to);
    checked.map_err(|refused| Rejection::transition("INVALID_STATUS", &refused))?;
    Ok(held)
}

/// The same with the portions of each product put together.
fn a_portion_a_product(items: Vec<Portion>) -> Vec<Portion> {
    let mut together: Vec<Portion> = Vec::with_capacity(items.len());
    for portion in items {
        match together.iter_mut().find(|known| known.product_id == portion.product_id) {
            Some(known) => known.quantity = known.quantity.saturating_add(portion.quantity),
            None => together.push(portion),
        }
    }
    together
}
