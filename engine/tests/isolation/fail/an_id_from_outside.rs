//! An id of a context is made outside of it, and written as JSON.

use std::marker::PhantomData;

use everstep_engine::{BoundedContext, RowId};

pub struct Inventory(());
impl BoundedContext for Inventory {
    const NAME: &'static str = "inventory";
}
pub struct Product;

fn make() -> RowId<Inventory, Product> {
    RowId { text: "lamp".to_owned(), of: PhantomData }
}

fn main() {
    let _ = serde_json::to_string(&make());
}
