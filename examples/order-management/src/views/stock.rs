//! `productStock`: what is on the shelf, a row a product.

use everstep::projections::{Category, Projection, ProjectionCode};
use order_domain::inventory::Stock;

use crate::contexts::inventory::{EVENTS, products, said};

pub(super) const PRODUCT_STOCK: Projection<Stock> = Projection::new("productStock", Category::View);

pub(super) fn code() -> ProjectionCode {
    PRODUCT_STOCK
        .rows(products, |product, stock, event| {
            Ok(match said(event)? {
                Some(event) => Stock::after(stock, product, &event),
                None => stock,
            })
        })
        .events(EVENTS)
}
