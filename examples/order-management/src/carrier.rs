//! The carrier, as far as this example needs one: it takes its time, and does not go everywhere.

use std::time::Duration;

use everstep::{ActivityContext, ActivityError, Worker};

use crate::order::{Parcel, SHIP, Shipment};

/// No carrier goes there.
pub(crate) const OUT_OF_REACH: &str = "Atlantis";

const PACK_AND_LABEL: Duration = Duration::from_millis(350);

async fn ship(_ctx: ActivityContext, parcel: Parcel) -> Result<Shipment, ActivityError> {
    tokio::time::sleep(PACK_AND_LABEL).await;
    if parcel.city == OUT_OF_REACH {
        let message = format!("no carrier delivers to {}", parcel.city);
        return Err(ActivityError::new("undeliverable", message).non_retryable());
    }
    Ok(Shipment { tracking_id: format!("track-{}", parcel.order_id) })
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.activity(SHIP, ship)
}
