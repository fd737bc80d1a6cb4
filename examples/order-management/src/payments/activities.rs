//! How the shop calls the payment service.

use std::net::SocketAddr;
use std::time::Duration;

use everstep::Worker;
use everstep_activities::{HttpCall, HttpCallError};

use crate::order::{CHARGE, REFUND};

/// Longer than the service takes when it is well.
const TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) fn register(worker: Worker, service: SocketAddr) -> Result<Worker, HttpCallError> {
    let charge = HttpCall::post(&format!("http://{service}/charges"))?.timeout(TIMEOUT);
    let refund = HttpCall::post(&format!("http://{service}/refunds"))?.timeout(TIMEOUT);
    Ok(worker.activity(CHARGE, charge.into_activity()).activity(REFUND, refund.into_activity()))
}
