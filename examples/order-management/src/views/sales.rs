//! `dailySalesReport`: what was submitted each day. For the owner, so admins alone read it.

use everstep::Timestamp;
use everstep::log::RecordedEvent;
use everstep::projections::{Category, Projection, ProjectionCode};
use order_domain::order::OrderEvent;
use serde::{Deserialize, Serialize};

use super::said;
use crate::contexts::orders::SUBMITTED;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sales {
    orders: u64,
    total_cents: u64,
}

const DAILY_SALES: Projection<Sales> = Projection::new("dailySalesReport", Category::Reporting);

pub(super) fn code() -> ProjectionCode {
    DAILY_SALES
        .row(day, |sales, event| {
            let mut sales = sales.unwrap_or_default();
            if let Some(OrderEvent::OrderSubmitted { total_cents, .. }) = said(event)? {
                sales.orders += 1;
                sales.total_cents += total_cents;
            }
            Ok(Some(sales))
        })
        .events([SUBMITTED])
}

/// The day in UTC on which it was recorded, such as `2026-01-31`.
fn day(event: &RecordedEvent) -> Option<String> {
    let text = Timestamp::from_millis(event.recorded_at_ms()).to_string();
    text.get(..10).map(str::to_owned)
}
