//! A transaction without a context is given a context's table.

use everstep_engine::{ActivityError, BoundedContext, ContextTable, TransactionContext};

pub struct Inventory(());
impl BoundedContext for Inventory {
    const NAME: &'static str = "inventory";
}
const STOCK: ContextTable<Inventory, u32> = ContextTable::new("stock");

fn read(tx: &TransactionContext<'_>) -> Result<Option<u32>, ActivityError> {
    tx.get(STOCK, "lamp")
}

fn main() {
    let _ = read;
}
