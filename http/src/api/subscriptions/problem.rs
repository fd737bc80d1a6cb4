//! What is refused about subscriptions, as problems.

use everstep_workflows::subscriptions::SubscriptionError;

use crate::api::{Problem, error_code as codes};

impl From<SubscriptionError> for Problem {
    fn from(error: SubscriptionError) -> Self {
        let code = match &error {
            SubscriptionError::Engine(rejection) => return rejection.clone().into(),
            SubscriptionError::NotFound(_) => codes::SUBSCRIPTION_NOT_FOUND,
            SubscriptionError::AlreadyExists(_) => codes::SUBSCRIPTION_ALREADY_EXISTS,
            SubscriptionError::TooMany(_) => codes::TOO_MANY_SUBSCRIPTIONS,
            SubscriptionError::InvalidToken(_) => codes::INVALID_REQUEST,
            _ => codes::INVALID_SUBSCRIPTION,
        };
        Self::new(code, error.to_string())
    }
}
