//! Commands.

error_codes! {
    UNKNOWN_COMMAND_TYPE = "UNKNOWN_COMMAND_TYPE" [422],
        "Nothing handles this command",
        "The type of the command is not registered in this server, nor in the contract of one of its contexts. `detail` lists the types that are. Nothing was recorded.",
        "Check the spelling, and whether the server runs the build that registers the command (`GET /api/v1/command-types`).";
    COMMAND_NOT_FOUND = "command_not_found" [404],
        "The command does not exist",
        "No command of this namespace has this id, or its record has had its time.",
        "Check the id and the namespace. Records are kept for 30 days unless the worker says otherwise; a command's events stay.";
    COMMAND_REJECTED = "command_rejected" [422, 403, 429],
        "A rule rejected the command",
        "The command was recorded as rejected and led to no event. `code` is the rule's own: the domain's (such as `INSUFFICIENT_STOCK`), `VALIDATION_FAILED` for a payload that the command cannot take, `UNAUTHORIZED` with status 403 for a role that is too small, `RATE_LIMITED` with status 429 for a sender who sends too often. `context` says what the rule looked at; `is_new` is false when it was rejected before under the same id.",
        "Mend what the rule objects to and send the command under a new id: under the same one the answer stays the same.";
    COMMAND_FAILED = "command_failed" [422],
        "The command failed",
        "Its handler met something that it did not expect; nothing of it happened but an event that tells of it. `detail` and `context` say what was met, and the command's record keeps it.",
        "Look at the command in the inspector, mend the cause, and send the command under a new id.";
}
