//! The shop's own page: orders, one order, and the shelves, as they change.
//!
//! Invariant: it shows rows of view projections and nothing else, and asks for none of them twice:
//! what changes comes by itself.

use everstep::Worker;
use everstep::server::WorkerPages;

pub(crate) fn register(worker: Worker) -> Worker {
    worker
        .page("/shop", "text/html; charset=utf-8", include_bytes!("page/shop.html"))
        .page("/shop/shop.js", "text/javascript", include_bytes!("page/shop.js"))
        .page("/shop/follow.js", "text/javascript", include_bytes!("page/follow.js"))
        .page("/shop/shop.css", "text/css", include_bytes!("page/shop.css"))
}
