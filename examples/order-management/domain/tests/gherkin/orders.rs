//! Steps about orders.

use cucumber::{given, then, when};
use order_domain::inventory::RESERVATION_STATUS;
use order_domain::order::{
    CustomerSnapshot, ORDER_STATUS, OrderCommand, OrderEvent, OrderItem, OrderStatus, Orders,
};

use crate::World;

const ID: &str = "o-1";

fn wish(world: &mut World, command: &OrderCommand, now_ms: i64) {
    let before = world.order.clone();
    (world.ordered, world.order) = world.decide::<Orders>(&before, command, now_ms);
}

fn add(world: &mut World, quantity: u32, product_id: String, unit_price_cents: u64) {
    let item = OrderItem { product_id, quantity, unit_price_cents };
    wish(world, &OrderCommand::AddItem { order_id: ID.to_owned(), item }, 0);
}

fn to(world: &mut World, status: &str) {
    let order_id = ID.to_owned();
    let customer =
        Some(CustomerSnapshot { name: "Ada".to_owned(), email: "ada@example.com".to_owned() });
    let command = match status {
        "submitted" => OrderCommand::Submit { order_id, customer },
        "confirmed" => OrderCommand::Confirm { order_id },
        "cancelled" => OrderCommand::Cancel { order_id, reason: "no".to_owned() },
        other => panic!("{other}"),
    };
    wish(world, &command, 0);
}

#[given(expr = "a draft order of {string}")]
fn draft(world: &mut World, customer_id: String) {
    let (order_id, city) = (ID.to_owned(), "Oslo".to_owned());
    wish(world, &OrderCommand::Create { order_id, customer_id, city }, 0);
}

#[given(expr = "it has {int} of {string} at {int} cents")]
fn has(world: &mut World, quantity: u32, product: String, cents: u64) {
    add(world, quantity, product, cents);
    assert!(world.rejection.is_none());
}

#[when(expr = "{int} of {string} at {int} cents are added")]
fn added(world: &mut World, quantity: u32, product: String, cents: u64) {
    add(world, quantity, product, cents);
}

#[when(expr = "{string} is removed")]
fn removed(world: &mut World, product_id: String) {
    wish(world, &OrderCommand::RemoveItem { order_id: ID.to_owned(), product_id }, 0);
}

#[when(expr = "it is submitted at {int} by {string} with {string}")]
fn submitted(world: &mut World, now_ms: i64, name: String, email: String) {
    let customer = Some(CustomerSnapshot { name, email });
    wish(world, &OrderCommand::Submit { order_id: ID.to_owned(), customer }, now_ms);
}

#[when("it is submitted by nobody")]
fn by_nobody(world: &mut World) {
    wish(world, &OrderCommand::Submit { order_id: ID.to_owned(), customer: None }, 0);
}

#[given(regex = "^it is (draft|submitted|confirmed|cancelled)$")]
fn is_already(world: &mut World, status: String) {
    if status != "draft" {
        add(world, 1, "abacus".to_owned(), 1);
        to(world, "submitted");
        if status != "submitted" {
            to(world, &status);
        }
    }
    assert!(world.rejection.is_none(), "{:?}", world.rejection);
}

#[when(regex = "^it is to be (submitted|confirmed|cancelled)$")]
fn to_be(world: &mut World, status: String) {
    to(world, &status);
}

#[then(regex = "^the outcome is (.+)$")]
fn outcome(world: &mut World, expected: String) {
    let found = match (&world.rejection, world.order.status) {
        (None, OrderStatus::Confirmed) => "confirmed".to_owned(),
        (None, OrderStatus::Cancelled) => "cancelled".to_owned(),
        (Some(rejection), _) => match rejection.context.get("from") {
            Some(everstep_decider::Detail::Text(from)) => format!("{} from {from}", rejection.code),
            _ => rejection.code.to_string(),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(found, expected);
}

#[then(expr = "it has {int} of {string} in 1 line")]
fn in_one_line(world: &mut World, quantity: u32, product: String) {
    let lines: Vec<_> =
        world.order.items.iter().filter(|line| line.product_id == product).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].quantity, quantity);
}

#[then(expr = "it has {int} lines")]
fn lines(world: &mut World, count: usize) {
    assert_eq!(world.order.items.len(), count);
}

#[then("the order is submitted")]
fn is_submitted(world: &mut World) {
    assert_eq!(world.order.status, OrderStatus::Submitted);
}

#[then(expr = "OrderSubmitted says that it costs {int} cents")]
fn costs(world: &mut World, cents: u64) {
    let [OrderEvent::OrderSubmitted { total_cents, .. }] = &world.ordered[..] else {
        panic!("{:?} {:?}", world.ordered, world.rejection)
    };
    assert_eq!(*total_cents, cents);
}

#[then(expr = "OrderSubmitted names {string} and {string} at {int}")]
fn names(world: &mut World, name: String, email: String, at: i64) {
    let [OrderEvent::OrderSubmitted { customer_name, customer_email, submitted_at, .. }] =
        &world.ordered[..]
    else {
        panic!("{:?}", world.ordered)
    };
    assert_eq!((customer_name, customer_email, *submitted_at), (&name, &Some(email), at));
}

#[then("the tables of orders and reservations contradict nothing")]
fn tables(_: &mut World) {
    ORDER_STATUS.check_table().unwrap();
    RESERVATION_STATUS.check_table().unwrap();
}
