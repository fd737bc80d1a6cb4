//! Contexts and their contracts, personal fields, reservations and unique values.

error_codes! {
    ALREADY_RESERVED = "ALREADY_RESERVED" [409],
        "Somebody has the value",
        "The key is reserved by somebody else, or belongs to an entity already. `expires_at` says until when, unless it is for good. Nothing was reserved.",
        "Choose another value, or try again after `expires_at`.";
    RESERVATION_NOT_FOUND = "RESERVATION_NOT_FOUND" [404],
        "The reservation does not exist",
        "No reservation has this id; one that expired or was released is forgotten after a week. Nothing was done.",
        "Use the `reservation_id` that the reservation was answered with.";
    RESERVATION_EXPIRED = "RESERVATION_EXPIRED" [409],
        "The reservation's time is over",
        "The reservation was not confirmed before `expires_at`, and its key is free. Nothing was done.",
        "Reserve the value again, and confirm within its time to live.";
    RESERVATION_RELEASED = "RESERVATION_RELEASED" [409],
        "The reservation was released",
        "The reservation was given back, and its key is free. Nothing was done.",
        "Reserve the value again.";
    RESERVATION_ALREADY_CONFIRMED = "RESERVATION_ALREADY_CONFIRMED" [409],
        "The reservation is confirmed",
        "The value belongs to an entity, which `detail` names. A reservation is confirmed once. Nothing was done.",
        "There is nothing to do, if it is the entity that you meant. To free the value, let the entity give it up.";
    RESERVATION_TTL_REQUIRED = "RESERVATION_TTL_REQUIRED" [422],
        "A reservation needs a time to live",
        "The claim has no `ttl_ms`, or one that is 0 or longer than 90 days. Nothing was reserved.",
        "Send the milliseconds that the registration may take, such as 300000.";
    INVALID_RESERVATION_KEY = "INVALID_RESERVATION_KEY" [422],
        "This cannot be reserved",
        "The type is not 1 to 64 letters, digits, `_` and `-`, or the value is empty, longer than 512 bytes, or has control characters. Nothing was reserved.",
        "Correct what `detail` names.";
    UNIQUE_CONSTRAINT_VIOLATION = "unique_constraint_violation" [409],
        "Another entity has this value",
        "The stream that follows from the entity's key has begun already. `field` and `value` say what is taken. Nothing was created.",
        "Choose another value, or use the entity that there is.";
    TOO_MANY_ID_SECRETS = "too_many_id_secrets" [409],
        "The namespace has as many id secrets as are kept",
        "The secret of stream ids was rotated too often. Nothing was changed.",
        "Keep the secret that there is: streams keep the ids that older ones made.";
    CONTEXT_NOT_FOUND = "context_not_found" [404],
        "The context does not exist",
        "The server's worker declares no bounded context of this name; `detail` lists those that it does.",
        "Check the spelling.";
    USER_ID_REQUIRED = "USER_ID_REQUIRED" [422],
        "Nobody is named who asks",
        "A command of a bounded context needs the id of the user who sends it. Nothing was done.",
        "Send the user's id with the command.";
    CONTEXT_ISOLATED = "CONTEXT_ISOLATED" [422],
        "The table belongs to another context",
        "A context's tables are reached through the context alone. Nothing was done.",
        "Ask the other context by one of its commands.";
    UNDECLARED_RELATIONSHIP = "UNDECLARED_RELATIONSHIP" [422],
        "The context map does not allow this",
        "A context called another one, or was to be told something by it, without a relationship that lets it. Nothing was done.",
        "Declare the relationship on the context map.";
    UNDECLARED_EVENT_TYPE = "UNDECLARED_EVENT_TYPE" [422],
        "The contract has no such event",
        "A context emitted an event that its contract does not have. Nothing of the command stands.",
        "Add the event type to the contract.";
    UNDECLARED_CMS_TYPE = "UNDECLARED_CMS_TYPE" [422],
        "The contract has no such table",
        "A context wrote to a table that its contract does not have. Nothing of the command stands.",
        "Add the table to the contract, with the version of its rows.";
    UNDECLARED_ERROR_CODE = "UNDECLARED_ERROR_CODE" [422],
        "The contract has no such error",
        "A context refused a command with a code that its contract does not have. Nothing of the command stands.",
        "Add the code to the contract.";
    FOREIGN_STREAM = "FOREIGN_STREAM" [422],
        "The stream belongs to another context",
        "A context appended to or read a stream whose type does not begin with its prefix. Nothing of the command stands.",
        "Use a stream of the context itself.";
    THIN_EVENT_NOT_ALLOWED = "THIN_EVENT_NOT_ALLOWED" [422],
        "What crosses contexts is fat",
        "An event that does not carry all that a consumer needs was to be published to another context. Nothing was published.",
        "Build it as a fat event.";
    SUBJECT_NOT_FOUND = "SUBJECT_NOT_FOUND" [404],
        "Nothing is kept about this subject",
        "No event of this namespace carries personal data of the subject.",
        "Check the id: it is the one in the field that the schema names as `x-subject`.";
    SUBJECT_SHREDDED = "SUBJECT_SHREDDED" [409],
        "The subject was shredded",
        "The subject's personal data was made unreadable, and nothing more is kept about it. Nothing was stored.",
        "Leave the personal fields out, or use another subject.";
    SUBJECT_REQUIRED = "SUBJECT_REQUIRED" [422],
        "The event does not say whose data it is",
        "The schema marks personal fields, and its `x-subject` names no text field of the payload. Nothing was stored.",
        "Send the field, or name one in the schema.";
    PERSONAL_DATA_EXPOSED = "PERSONAL_DATA_EXPOSED" [422],
        "Personal data stands where it cannot be shredded",
        "A tag of the event contains the text of a personal field. Nothing was stored.",
        "Tag the event with the hash of the text, such as a stream id.";
    FIELD_NOT_FOUND = "FIELD_NOT_FOUND" [422],
        "The entity has no such field",
        "A fat event was to embed a field that the entity does not have. Nothing was stored.",
        "Check the field's name.";
}
