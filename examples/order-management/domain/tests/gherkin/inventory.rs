//! Steps about the warehouse.

use std::collections::BTreeMap;

use cucumber::gherkin::Step;
use cucumber::{given, then, when};
use order_domain::inventory::{
    Inventories, Inventory, InventoryCommand, InventoryEvent, Portion, Reservation,
};

use crate::World;

fn wish(world: &mut World, command: &InventoryCommand) {
    let before = world.inventory.clone();
    (world.stocked, world.inventory) = world.decide::<Inventories>(&before, command, 0);
}

fn portions(text: &str) -> Vec<Portion> {
    let portion = |text: &str| {
        let (quantity, product) = text.split_once(" of ").unwrap();
        let product_id = product.trim_matches('"').to_owned();
        Portion { product_id, quantity: quantity.parse().unwrap() }
    };
    text.split(", ").map(portion).collect()
}

fn reserve(reservation_id: &str, items: Vec<Portion>) -> InventoryCommand {
    let (reservation_id, order_id) = (reservation_id.to_owned(), "o-1".to_owned());
    InventoryCommand::Reserve { reservation_id, order_id, items }
}

fn release(reservation_id: &str) -> InventoryCommand {
    let (reservation_id, reason) = (reservation_id.to_owned(), "test".to_owned());
    InventoryCommand::Release { reservation_id, reason }
}

#[given("a warehouse with")]
fn warehouse(world: &mut World, step: &Step) {
    world.inventory.order_exists = true;
    for row in &step.table.as_ref().unwrap().rows {
        let (product_id, name, quantity) = (row[0].clone(), row[0].clone(), row[1].parse());
        let create = InventoryCommand::CreateProduct {
            product_id: product_id.clone(),
            name,
            price_cents: 100,
        };
        wish(world, &create);
        let portion = Portion { product_id: product_id.clone(), quantity: quantity.unwrap() };
        wish(world, &InventoryCommand::AddStock(portion));
        assert!(world.rejection.is_none());
        world.pieces.push((product_id, row[1].parse().unwrap()));
    }
    world.stocked.clear();
}

#[given(regex = r#"^"([^"]+)" reserved (.+)$"#)]
fn reserved(world: &mut World, id: String, items: String) {
    wish(world, &reserve(&id, portions(&items)));
    assert!(world.rejection.is_none(), "{:?}", world.rejection);
}

#[when(regex = r#"^"([^"]+)" reserves (.+)$"#)]
fn reserves(world: &mut World, id: String, items: String) {
    wish(world, &reserve(&id, portions(&items)));
}

#[given("an order that nobody has placed")]
fn no_order(world: &mut World) {
    world.inventory.order_exists = false;
}

#[when(expr = "{string} is confirmed")]
fn confirmed(world: &mut World, reservation_id: String) {
    wish(world, &InventoryCommand::Confirm { reservation_id });
}

#[when(expr = "{string} is released")]
fn released(world: &mut World, id: String) {
    wish(world, &release(&id));
}

#[then("1 ReservationCreated happened and nothing else")]
fn one_event(world: &mut World) {
    let alone = matches!(&world.stocked[..], [InventoryEvent::ReservationCreated { .. }]);
    assert!(alone, "{:?} {:?}", world.stocked, world.rejection);
}

#[then("the stock is")]
fn stock_is(world: &mut World, step: &Step) {
    for row in &step.table.as_ref().unwrap().rows {
        let stock = &world.inventory.products[&row[0]];
        let found = (stock.available.to_string(), stock.reserved.to_string());
        assert_eq!(found, (row[1].clone(), row[2].clone()), "{}", row[0]);
    }
}

/// Marsaglia's xorshift, 64 bits: enough to vary arguments.
fn shift(mut x: u64) -> u64 {
    x ^= x << 13;
    x ^= x >> 7;
    x ^ x << 17
}

#[when(expr = "{int} random reservations are made, confirmed and released")]
fn random(world: &mut World, count: u32) {
    let mut reservations: BTreeMap<String, Reservation> = BTreeMap::new();
    let mut random = 88_172_645_463_325_252;
    for _ in 0..count {
        random = shift(random);
        let id = format!("r-{}", random % 40);
        let command = match random >> 8 & 3 {
            0 => release(&id),
            1 => InventoryCommand::Confirm { reservation_id: id.clone() },
            _ => {
                let some = |(at, (product_id, _)): (usize, &(String, u64))| Portion {
                    product_id: product_id.clone(),
                    quantity: u32::try_from(random >> (16 + 4 * at) & 3).unwrap(),
                };
                reserve(&id, world.pieces.iter().enumerate().map(some).collect())
            }
        };
        let products = std::mem::take(&mut world.inventory.products);
        let reservation = reservations.remove(&id);
        world.inventory = Inventory { products, reservation, order_exists: true };
        wish(world, &command);
        if let Some(reservation) = world.inventory.reservation.clone() {
            reservations.insert(id, reservation);
        }
        for (product, pieces) in &world.pieces {
            let stock = &world.inventory.products[product];
            assert_eq!(stock.available + stock.reserved, *pieces, "{product} after {command:?}");
        }
    }
    assert!(reservations.len() > 10);
    for id in reservations.keys().cloned().collect::<Vec<_>>() {
        let products = std::mem::take(&mut world.inventory.products);
        let reservation = reservations.remove(&id);
        world.inventory = Inventory { products, reservation, order_exists: true };
        wish(world, &release(&id));
    }
}

#[then("each product has as many pieces as at first")]
fn as_at_first(world: &mut World) {
    for (product, pieces) in &world.pieces {
        let stock = &world.inventory.products[product];
        assert_eq!((stock.available, stock.reserved), (*pieces, 0), "{product}");
    }
}
