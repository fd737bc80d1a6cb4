//! The shop's own page: orders, one order, and the shelves, as they change.
//!
//! Invariant: it shows rows of view projections, folded by the server, and asks for none of them
//! twice: what changes comes by itself. What is shown before it has happened (`expected.js`) is taken
//! back when it does not.

use everstep::Worker;
use everstep::server::WorkerPages;

pub(crate) fn register(worker: Worker) -> Worker {
    worker
        .page("/shop", "text/html; charset=utf-8", include_bytes!("page/shop.html"))
        .page("/shop/shop.js", "text/javascript", include_bytes!("page/shop.js"))
        .page("/shop/follow.js", "text/javascript", include_bytes!("page/follow.js"))
        .page("/shop/expected.js", "text/javascript", include_bytes!("page/expected.js"))
        .page("/shop/shop.css", "text/css", include_bytes!("page/shop.css"))
}
