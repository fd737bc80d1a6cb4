//! A handler of one context is given another one's table.

use everstep_engine::{ActivityError, BoundedContext, ContextTable, ContextTx};

pub struct Inventory(());
impl BoundedContext for Inventory {
    const NAME: &'static str = "inventory";
}
const STOCK: ContextTable<Inventory, u32> = ContextTable::new("stock");

pub struct Orders(());
impl BoundedContext for Orders {
    const NAME: &'static str = "orders";
}

fn handler(tx: &ContextTx<'_, '_, Orders>) -> Result<Option<u32>, ActivityError> {
    tx.get(STOCK, "lamp")
}

fn main() {
    let _ = handler;
}
