//! What a consumer's word has come to.
//!
//! Invariant: every delivery that was settled is on one of the two lists.

use serde::Serialize;

use super::DeliveryToken;
use super::window::Taken;

/// What became of deliveries that a consumer settled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = SettledEvents))]
pub struct Settled {
    /// Positions that are as the consumer wants them; those that were settled before among them.
    pub done: Vec<u64>,
    /// Positions that were handed out again or parked meanwhile: the consumer's word counts no more.
    pub late: Vec<u64>,
}

impl Settled {
    /// Of deliveries, in the order in which they were judged.
    pub(super) fn of(tokens: &[DeliveryToken], taken: &[Taken]) -> Self {
        let mut settled = Self::default();
        for (token, taken) in tokens.iter().zip(taken) {
            match taken {
                Taken::Done | Taken::Already => settled.done.push(token.position),
                Taken::Late => settled.late.push(token.position),
            }
        }
        settled
    }
}
