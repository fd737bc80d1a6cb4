//! What may be done to an order, and what becomes of it.

use everstep_decider::{Decider, Moment, Output, Rejection};

use super::{ORDER_STATUS, Order, OrderEvent, OrderItem, OrderStatus, total_cents};

/// A customer as known when an order is submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerSnapshot {
    /// The name.
    pub name: String,
    /// Where to reach them.
    pub email: String,
}

/// What may be wished for.
#[derive(Clone, Debug)]
pub enum OrderCommand {
    /// Begin a draft.
    Create {
        /// Which order.
        order_id: String,
        /// Whose.
        customer_id: String,
        /// Where it goes.
        city: String,
    },
    /// More of a product.
    AddItem {
        /// Which order.
        order_id: String,
        /// What.
        item: OrderItem,
    },
    /// None of a product.
    RemoveItem {
        /// Which order.
        order_id: String,
        /// Which product.
        product_id: String,
    },
    /// This is it.
    Submit {
        /// Which order.
        order_id: String,
        /// Whose, as far as is known.
        customer: Option<CustomerSnapshot>,
    },
    /// It is reserved and paid.
    Confirm {
        /// Which order.
        order_id: String,
    },
    /// Away with it.
    Cancel {
        /// Which order.
        order_id: String,
        /// Why.
        reason: String,
    },
}

/// Decides about orders.
#[derive(Debug)]
pub struct Orders;

impl Decider for Orders {
    type State = Order;
    type Command = OrderCommand;
    type Event = OrderEvent;

    fn decide(order: &Order, command: &OrderCommand, moment: &mut Moment) -> Output<Self> {
        let now = moment.now_ms();
        match decide(order, command.clone(), now) {
            Ok(event) => Output::success(order, vec![event]),
            Err(rejection) => rejection.into(),
        }
    }

    fn evolve(mut order: Order, event: &OrderEvent) -> Order {
        match event {
            OrderEvent::OrderCreated { customer_id, city, .. } => Order {
                customer_id: customer_id.clone(),
                city: city.clone(),
                status: OrderStatus::Draft,
                items: Vec::new(),
            },
            OrderEvent::OrderItemAdded { item, .. } => {
                match order.items.iter_mut().find(|line| line.product_id == item.product_id) {
                    Some(line) => {
                        line.quantity = line.quantity.saturating_add(item.quantity);
                        line.unit_price_cents = item.unit_price_cents;
                    }
                    None => order.items.push(item.clone()),
                }
                order
            }
            OrderEvent::OrderItemRemoved { product_id, .. } => {
                order.items.retain(|line| line.product_id != *product_id);
                order
            }
            OrderEvent::OrderSubmitted { .. } => Order { status: OrderStatus::Submitted, ..order },
            OrderEvent::OrderConfirmed { .. } => Order { status: OrderStatus::Confirmed, ..order },
            OrderEvent::OrderCancelled { .. } => Order { status: OrderStatus::Cancelled, ..order },
        }
    }
}

fn decide(order: &Order, command: OrderCommand, now: i64) -> Result<OrderEvent, Rejection> {
    let customer_id = order.customer_id.clone();
    match command {
        OrderCommand::Create { order_id, customer_id, city } => {
            Ok(OrderEvent::OrderCreated { order_id, customer_id, city, created_at: now })
        }
        OrderCommand::AddItem { order_id, item } => {
            being_filled(order)?;
            if item.quantity == 0 {
                let what = "a line needs at least one piece";
                return Err(
                    Rejection::new("INVALID_QUANTITY", what).with("product", item.product_id)
                );
            }
            Ok(OrderEvent::OrderItemAdded { order_id, item })
        }
        OrderCommand::RemoveItem { order_id, product_id } => {
            being_filled(order)?;
            match order.items.iter().any(|line| line.product_id == product_id) {
                true => Ok(OrderEvent::OrderItemRemoved { order_id, product_id }),
                false => {
                    let what = format!("the order has no `{product_id}`");
                    Err(Rejection::new("ORDER_ITEM_NOT_FOUND", what).with("product", product_id))
                }
            }
        }
        OrderCommand::Submit { order_id, customer } => {
            moves_to(order, OrderStatus::Submitted)?;
            if order.items.is_empty() {
                return Err(Rejection::new("ORDER_EMPTY", "an order needs at least one item"));
            }
            let Some(CustomerSnapshot { name, email }) = customer else {
                let what = format!("no customer `{customer_id}` is known");
                return Err(
                    Rejection::new("CUSTOMER_NOT_FOUND", what).with("customer", customer_id)
                );
            };
            Ok(OrderEvent::OrderSubmitted {
                order_id,
                customer_id,
                customer_name: name,
                customer_email: Some(email),
                city: order.city.clone(),
                items: order.items.clone(),
                total_cents: total_cents(&order.items),
                submitted_at: now,
            })
        }
        OrderCommand::Confirm { order_id } => {
            moves_to(order, OrderStatus::Confirmed)?;
            Ok(OrderEvent::OrderConfirmed { order_id, customer_id, confirmed_at: now })
        }
        OrderCommand::Cancel { .. } if order.status == OrderStatus::Cancelled => {
            Err(Rejection::new("ORDER_ALREADY_CANCELLED", "the order is cancelled already"))
        }
        OrderCommand::Cancel { order_id, reason } => {
            moves_to(order, OrderStatus::Cancelled)?;
            Ok(OrderEvent::OrderCancelled { order_id, customer_id, reason, cancelled_at: now })
        }
    }
}

fn moves_to(order: &Order, to: OrderStatus) -> Result<(), Rejection> {
    let checked = ORDER_STATUS.check(order.status, to);
    checked.map_err(|refused| Rejection::transition("INVALID_STATUS", &refused))
}

fn being_filled(order: &Order) -> Result<(), Rejection> {
    use everstep_decider::fsm::State;
    match order.status {
        OrderStatus::Draft => Ok(()),
        other => {
            let what = format!("the order is {}, and only a draft is changed", other.name());
            Err(Rejection::new("ORDER_NOT_DRAFT", what).with("status", other.name()))
        }
    }
}
