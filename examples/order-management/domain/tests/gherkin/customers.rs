//! Steps about customers.

use cucumber::{then, when};
use order_domain::customer::{CustomerCommand, Customers};

use crate::World;

fn wish(world: &mut World, command: &CustomerCommand) {
    let before = world.customer.clone();
    (world.known, world.customer) = world.decide::<Customers>(&before, command, 0);
}

#[when(expr = "{string} registers as {string} with {string}")]
fn registers(world: &mut World, customer_id: String, name: String, email: String) {
    wish(world, &CustomerCommand::Register { customer_id, name, email });
}

#[when(expr = "{string} is renamed {string}")]
fn renamed(world: &mut World, customer_id: String, name: String) {
    wish(world, &CustomerCommand::Rename { customer_id, name });
}

#[then(expr = "the customer's name is {string}")]
fn is_named(world: &mut World, name: String) {
    assert_eq!(world.customer.name, name);
}
