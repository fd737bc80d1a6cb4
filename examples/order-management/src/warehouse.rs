//! Stock and carrier, as far as this example needs them: they take their time, and some things
//! they cannot do.

use std::time::Duration;

use everstep::{ActivityContext, ActivityError, Worker};

use crate::order::{Parcel, RELEASE_STOCK, RESERVE_STOCK, SHIP, Shipment, StockRequest};

/// On the price list, never on the shelf.
pub(crate) const SOLD_OUT: &str = "perpetual motion machine";
/// No carrier goes there.
pub(crate) const OUT_OF_REACH: &str = "Atlantis";

const WALK_TO_THE_SHELF: Duration = Duration::from_millis(120);
const PACK_AND_LABEL: Duration = Duration::from_millis(350);

async fn reserve_stock(_ctx: ActivityContext, request: StockRequest) -> Result<(), ActivityError> {
    tokio::time::sleep(WALK_TO_THE_SHELF).await;
    if request.item == SOLD_OUT {
        let message = format!("no {} on the shelf", request.item);
        return Err(ActivityError::new("out_of_stock", message).non_retryable());
    }
    Ok(())
}

async fn release_stock(_ctx: ActivityContext, _request: StockRequest) -> Result<(), ActivityError> {
    tokio::time::sleep(WALK_TO_THE_SHELF).await;
    Ok(())
}

async fn ship(_ctx: ActivityContext, parcel: Parcel) -> Result<Shipment, ActivityError> {
    tokio::time::sleep(PACK_AND_LABEL).await;
    if parcel.city == OUT_OF_REACH {
        let message = format!("no carrier delivers to {}", parcel.city);
        return Err(ActivityError::new("undeliverable", message).non_retryable());
    }
    Ok(Shipment { tracking_id: format!("track-{}", parcel.order_id) })
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker
        .activity(RESERVE_STOCK, reserve_stock)
        .activity(RELEASE_STOCK, release_stock)
        .activity(SHIP, ship)
}
