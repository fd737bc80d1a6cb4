//! The workflow killed after every commit in turn: the same end each time, books that balance, and
//! stock that adds up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstep::commands::{SendCommands, WorkerCommands};
use everstep::fat_events::{SubjectKeys, WorkerSubjects};
use everstep::testing::{Scenario, explore_crashes};
use everstep::{
    ActivityContext, ActivityError, Transaction, Worker, Workflow, WorkflowContext, WorkflowError,
};
use order_domain::inventory::{Portion, Stock};
use order_domain::order::OrderItem;

use super::{fulfil_order, register};
use crate::contexts;
use crate::contexts::customers::{REGISTER_CUSTOMER, RegisterCustomer};
use crate::contexts::inventory::{ADD_STOCK, CREATE_PRODUCT, CreateProduct, STOCK_LEVELS};
use crate::contexts::orders::{
    ADD_ORDER_ITEM, AddOrderItem, CREATE_ORDER, CreateOrder, OfOrder, SUBMIT_ORDER,
};
use crate::order::{
    CHARGE, Charge, Charged, DECISION, Decision, FulfilOrder, Parcel, REFUND, Receipt, SHIP,
    Shipment,
};

const HOUR: Duration = Duration::from_secs(3_600);
const ID: &str = "o-1";
const PRODUCT: &str = "abacus";
const ON_THE_SHELF: u32 = 3;

/// What the services of one play have seen; they deduplicate as the real ones do.
#[derive(Default)]
struct Services {
    asked: bool,
    charged_cents: BTreeMap<String, u64>,
    refunded: bool,
    parcels: BTreeSet<String>,
    stock: Option<Stock>,
}

/// Every play's services.
type World = Arc<Mutex<Vec<Arc<Mutex<Services>>>>>;

/// A shop's life in one workflow: it opens, somebody orders, the order is fulfilled or not.
const PLAY: Workflow<FulfilOrder, Option<Receipt>> = Workflow::new("play");
const COUNT_STOCK: Transaction<String, Stock> = Transaction::new("count_stock");

async fn play(ctx: &WorkflowContext, order: FulfilOrder) -> Result<Option<Receipt>, WorkflowError> {
    let (order_id, product_id) = (order.order_id.clone(), PRODUCT.to_owned());
    let (customer_id, city) = (order.customer_id.clone(), order.city.clone());
    let (name, email) = ("Ada".to_owned(), "ada@example.com".to_owned());
    let ada = RegisterCustomer { customer_id: customer_id.clone(), name, email };
    ctx.command(REGISTER_CUSTOMER, &ada).await?;
    let name = "Abacus".to_owned();
    let abacus = CreateProduct { product_id: product_id.clone(), name, price_cents: 100 };
    ctx.command(CREATE_PRODUCT, &abacus).await?;
    ctx.command(ADD_STOCK, &Portion { product_id, quantity: ON_THE_SHELF }).await?;
    let create = CreateOrder { order_id: order_id.clone(), customer_id, city };
    ctx.command(CREATE_ORDER, &create).await?;
    for item in order.items.clone() {
        ctx.command(ADD_ORDER_ITEM, &AddOrderItem { order_id: order_id.clone(), item }).await?;
    }
    ctx.command(SUBMIT_ORDER, &OfOrder { order_id }).await?;
    let receipt = fulfil_order(ctx, order).await;
    ctx.transaction(COUNT_STOCK, PRODUCT.to_owned()).await?;
    Ok(receipt.ok())
}

fn order(total_cents: u64, city: &str) -> FulfilOrder {
    let item =
        OrderItem { product_id: PRODUCT.to_owned(), quantity: 1, unit_price_cents: total_cents };
    FulfilOrder {
        order_id: ID.to_owned(),
        customer_id: "ada".to_owned(),
        items: vec![item],
        total_cents,
        city: city.to_owned(),
    }
}

fn scenario(
    world: &World,
    keys: &Arc<SubjectKeys>,
    order: &FulfilOrder,
) -> Scenario<Option<Receipt>> {
    let services = Arc::new(Mutex::new(Services::default()));
    world.lock().unwrap().push(Arc::clone(&services));
    let [charge, refund, ship, count] = std::array::from_fn(|_| Arc::clone(&services));
    let worker = contexts::register(register(Worker::new())).subject_keys(Arc::clone(keys));
    let worker = worker.commands(|_| {}).workflow(PLAY, play).signal(PLAY, DECISION).transaction(
        COUNT_STOCK,
        move |tx, product| {
            let stock = STOCK_LEVELS.get(tx, &product)?.unwrap_or_default();
            count.lock().unwrap().stock = Some(stock.clone());
            Ok(stock)
        },
    );
    Scenario::new(worker, PLAY, order)
        .mock(CHARGE, move |ctx: ActivityContext, of: Charge| {
            let key = ctx.idempotency_key();
            let mut services = charge.lock().unwrap();
            services.asked = true;
            services.charged_cents.insert(key.clone(), of.amount_cents);
            // It was charged, and the answer got lost.
            std::future::ready(match ctx.attempt() {
                1 => Err(ActivityError::new("http_timeout", "no answer")),
                _ => Ok(Charged { charge_id: key }),
            })
        })
        .mock(REFUND, move |_, _| {
            refund.lock().unwrap().refunded = true;
            std::future::ready(Ok(()))
        })
        .mock(SHIP, move |ctx: ActivityContext, parcel: Parcel| {
            std::future::ready(match parcel.city.as_str() {
                "Atlantis" => {
                    Err(ActivityError::new("undeliverable", "under water").non_retryable())
                }
                _ => {
                    ship.lock().unwrap().parcels.insert(ctx.idempotency_key());
                    Ok(Shipment { tracking_id: "t-1".to_owned() })
                }
            })
        })
}

/// Plays the order with a crash at each point; `check` looks at the services of every play that
/// came to its end.
fn explore(
    order: &FulfilOrder,
    stimuli: impl Fn(Scenario<Option<Receipt>>) -> Scenario<Option<Receipt>>,
    check: impl Fn(&Services),
) {
    let dir = tempfile::tempdir().unwrap();
    let keys = Arc::new(SubjectKeys::open(dir.path().join("keys")).unwrap());
    let world = World::default();
    let report = explore_crashes(|| stimuli(scenario(&world, &keys, order))).unwrap();
    assert!(report.crashes >= 2, "{report:?}");
    let world = world.lock().unwrap();
    let mut plays = 0;
    for services in world.iter() {
        let services = services.lock().unwrap();
        // What was made for a replay is asked for nothing.
        if let Some(stock) = &services.stock {
            plays += 1;
            assert_eq!(stock.available + stock.reserved, u64::from(ON_THE_SHELF));
            check(&services);
        }
    }
    assert!(plays > 0, "{plays} plays: {report:?}");
}

fn reserved(services: &Services) -> u64 {
    services.stock.as_ref().map_or(0, |stock| stock.reserved)
}

#[test]
fn an_order_is_charged_once_and_shipped_once_wherever_it_crashes() {
    explore(
        &order(12_900, "Oslo"),
        |scenario| scenario,
        |services| {
            assert!(services.asked);
            assert_eq!(services.charged_cents.values().sum::<u64>(), 12_900);
            assert!(!services.refunded);
            assert_eq!((services.parcels.len(), reserved(services)), (1, 1));
        },
    );
}

#[test]
fn what_cannot_be_delivered_is_undone_wherever_it_crashes() {
    explore(
        &order(12_900, "Atlantis"),
        |scenario| scenario,
        |services| {
            assert_eq!(services.charged_cents.len(), 1);
            assert!(services.refunded && services.parcels.is_empty());
            assert_eq!(reserved(services), 0);
        },
    );
}

#[test]
fn an_approval_is_not_forgotten_wherever_it_crashes() {
    let decision = |approved| Decision { approved, by: "grace".to_owned() };
    let large = order(59_900, "Oslo");
    let approve = |scenario: Scenario<Option<Receipt>>| {
        scenario.signal_after(HOUR, DECISION, &decision(true))
    };
    explore(&large, approve, |services| assert_eq!(services.parcels.len(), 1));
    let reject = |scenario: Scenario<Option<Receipt>>| {
        scenario.signal_after(HOUR, DECISION, &decision(false))
    };
    let nothing_happened = |services: &Services| {
        assert!(services.charged_cents.is_empty());
        assert_eq!(reserved(services), 0);
    };
    explore(&large, reject, nothing_happened);
    // Nobody decides within a day.
    explore(&large, |scenario| scenario, nothing_happened);
}
