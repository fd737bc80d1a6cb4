//! A context's value is made outside of its module.

use everstep_engine::{ActivityError, TransactionContext};

mod inventory {
    pub struct Inventory(());
    impl everstep_engine::BoundedContext for Inventory {
        const NAME: &'static str = "inventory";
    }
}

fn intrude(tx: &mut TransactionContext<'_>) -> Result<(), ActivityError> {
    tx.enter(&inventory::Inventory(())).map(drop)
}

fn main() {
    let _ = intrude;
}
