//! The workflow killed after every commit in turn: the same end each time, and books that balance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstep::testing::{Scenario, explore_crashes};
use everstep::{ActivityContext, ActivityError, Worker};

use super::register;
use crate::order::{
    CHARGE, Charge, Charged, DECISION, Decision, FULFIL_ORDER, Order, Parcel, REFUND,
    RELEASE_STOCK, RESERVE_STOCK, Receipt, SHIP, Shipment,
};

const HOUR: Duration = Duration::from_secs(3_600);

/// What the services of one play have seen; they deduplicate as the real ones do.
#[derive(Default)]
struct Services {
    asked: bool,
    charged_cents: BTreeMap<String, u64>,
    refunded: bool,
    reserved: bool,
    parcels: BTreeSet<String>,
}

/// Every play's services.
type World = Arc<Mutex<Vec<Arc<Mutex<Services>>>>>;

fn order(amount_cents: u64, city: &str) -> Order {
    let (customer, item) = ("ada".to_owned(), "abacus".to_owned());
    Order { customer, item, quantity: 1, amount_cents, city: city.to_owned() }
}

fn scenario(world: &World, order: &Order) -> Scenario<Receipt> {
    let services = Arc::new(Mutex::new(Services::default()));
    world.lock().unwrap().push(Arc::clone(&services));
    let [reserve, release, charge, refund, ship] = std::array::from_fn(|_| Arc::clone(&services));
    Scenario::new(register(Worker::new()), FULFIL_ORDER, order)
        .mock(RESERVE_STOCK, move |_, _| {
            let mut services = reserve.lock().unwrap();
            (services.asked, services.reserved) = (true, true);
            std::future::ready(Ok(()))
        })
        .mock(RELEASE_STOCK, move |_, _| {
            release.lock().unwrap().reserved = false;
            std::future::ready(Ok(()))
        })
        .mock(CHARGE, move |ctx: ActivityContext, of: Charge| {
            let key = ctx.idempotency_key();
            charge.lock().unwrap().charged_cents.insert(key.clone(), of.amount_cents);
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

/// Plays the order with a crash at each point; `check` looks at the services of every play.
fn explore(
    order: &Order,
    stimuli: impl Fn(Scenario<Receipt>) -> Scenario<Receipt>,
    check: impl Fn(&Services),
) {
    let world = World::default();
    let report = explore_crashes(|| stimuli(scenario(&world, order))).unwrap();
    assert!(report.crashes >= 3, "{report:?}");
    let world = world.lock().unwrap();
    let mut plays = 0;
    for services in world.iter() {
        let services = services.lock().unwrap();
        // What was made for a replay is asked for nothing.
        if services.asked {
            plays += 1;
            check(&services);
        }
    }
    assert!(plays > report.crashes, "{plays} plays: {report:?}");
}

#[test]
fn an_order_is_charged_once_and_shipped_once_wherever_it_crashes() {
    explore(
        &order(12_900, "Oslo"),
        |scenario| scenario,
        |services| {
            assert_eq!(services.charged_cents.values().sum::<u64>(), 12_900);
            assert!(!services.refunded && services.reserved);
            assert_eq!(services.parcels.len(), 1);
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
            assert!(services.refunded && !services.reserved);
            assert!(services.parcels.is_empty());
        },
    );
}

#[test]
fn an_approval_is_not_forgotten_wherever_it_crashes() {
    let decision = |approved| Decision { approved, by: "grace".to_owned() };
    let large = order(59_900, "Oslo");
    let approve =
        |scenario: Scenario<Receipt>| scenario.signal_after(HOUR, DECISION, &decision(true));
    explore(&large, approve, |services| assert_eq!(services.parcels.len(), 1));
    let reject =
        |scenario: Scenario<Receipt>| scenario.signal_after(HOUR, DECISION, &decision(false));
    let nothing_happened = |services: &Services| {
        assert!(services.charged_cents.is_empty() && !services.reserved);
    };
    explore(&large, reject, nothing_happened);
    // Nobody decides within a day.
    explore(&large, |scenario| scenario, nothing_happened);
}
