//! Runs `tests/features` of this crate: deciders, with nothing around them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::needless_pass_by_value, reason = "a step is handed the text that it matched")]

mod customers;
mod inventory;
mod orders;

use cucumber::{World as _, then};
use everstep_decider::{Decider, Detail, Moment, Output, Rejection};
use order_domain::customer::{Customer, CustomerEvent};
use order_domain::inventory::{Inventory, InventoryEvent};
use order_domain::order::{Order, OrderEvent};

#[derive(Debug, Default, cucumber::World)]
struct World {
    order: Order,
    customer: Customer,
    /// Every product, and the reservation that is talked about.
    inventory: Inventory,
    pieces: Vec<(String, u64)>,
    rejection: Option<Rejection>,
    ordered: Vec<OrderEvent>,
    stocked: Vec<InventoryEvent>,
    known: Vec<CustomerEvent>,
}

impl World {
    /// What a decider says about a state: the events, and the state after them.
    fn decide<D: Decider>(
        &mut self,
        state: &D::State,
        command: &D::Command,
        now_ms: i64,
    ) -> (Vec<D::Event>, D::State) {
        self.rejection = None;
        match D::decide(state, command, &mut Moment::new(now_ms, "cmd")) {
            Output::Success { events, state } => (events, state),
            Output::Rejected(rejection) => {
                self.rejection = Some(rejection);
                (Vec::new(), state.clone())
            }
            Output::Failed(failed) => panic!("{}", failed.message),
        }
    }
}

#[then(expr = "it is rejected with {string}")]
fn rejected(world: &mut World, code: String) {
    assert_eq!(world.rejection.as_ref().unwrap().code, code);
}

#[then(expr = "it is rejected with {string} about {string} {string}")]
fn rejected_about(world: &mut World, code: String, name: String, about: String) {
    let rejection = world.rejection.as_ref().unwrap();
    assert_eq!(rejection.code, code);
    assert_eq!(rejection.context[name.as_str()], Detail::Text(about));
}

#[then("nothing happened")]
fn nothing(world: &mut World) {
    assert!(world.rejection.is_none(), "{:?}", world.rejection);
    assert!(world.ordered.is_empty() && world.stocked.is_empty() && world.known.is_empty());
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let features = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/features");
    World::cucumber().fail_on_skipped().with_default_cli().run_and_exit(features).await;
}
