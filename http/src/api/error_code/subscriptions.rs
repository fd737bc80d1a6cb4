//! Subscriptions.

error_codes! {
    SUBSCRIPTION_NOT_FOUND = "subscription_not_found" [404],
        "The subscription does not exist",
        "The namespace has no subscription of this name, or it was deleted meanwhile. Nothing was done.",
        "Check the name and the namespace, or create it with `POST /api/v1/subscriptions`.";
    SUBSCRIPTION_ALREADY_EXISTS = "subscription_already_exists" [409],
        "The subscription exists with other settings",
        "There is a subscription of this name, and its settings are not those of the request. It was not changed.",
        "Change its settings with `PUT /api/v1/subscriptions/{name}`; for other events or other lanes delete it first (its checkpoint and its parked events go with it), or use another name.";
    INVALID_SUBSCRIPTION = "invalid_subscription" [422],
        "The subscription cannot be",
        "Its name or one of its settings is outside of what is allowed; `detail` says which one and what is. Nothing was created.",
        "Correct what `detail` names.";
    TOO_MANY_SUBSCRIPTIONS = "too_many_subscriptions" [409],
        "The namespace has as many subscriptions as it may have",
        "`detail` says how many those are. Nothing was created.",
        "Delete one that nobody uses any more.";
}
