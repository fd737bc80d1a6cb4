//! Events, streams and scopes.

error_codes! {
    VERSION_CONFLICT = "VERSION_CONFLICT" [409],
        "The stream has another version",
        "The append expected the stream at one version, which is how many events it has, and it is at another: somebody has appended meanwhile. `expected_version` and `current_version` say which. Nothing was appended.",
        "Read the stream from the version you know, decide again, and append with the version you found. A new stream has version 0.";
    SCOPE_VERSION_MISMATCH = "SCOPE_VERSION_MISMATCH" [409],
        "The scope has another version",
        "The append expected a scope at one version, which is how many appends have touched it, and it is at another. `expected_version` and `current_version` say which. Nothing was appended.",
        "Read the scope's events again, decide again, and append with the version you found. A scope that nothing has touched has version 0.";
    APPEND_CONDITION_FAILED = "append_condition_failed" [409],
        "An event matches the append's condition",
        "The append was to be made only if no event matches its query after a position, and one does: `position` says where. Nothing was appended.",
        "Run the query again from the position you know, decide again, and append with the last position you saw as `after`.";
    STREAM_NOT_FOUND = "stream_not_found" [404],
        "The stream does not exist",
        "No event was ever appended to the stream.",
        "Check the name: it is `Type:id`, and in a path every reserved character is percent-encoded.";
    EVENT_NOT_FOUND = "event_not_found" [404],
        "There is no such event",
        "No event of the namespace has the position: positions begin at 1 and have no gap, so the log is shorter.",
        "Check the position and the namespace.";
    INVALID_SCOPE_KEY_FORMAT = "INVALID_SCOPE_KEY_FORMAT" [422],
        "The text is no scope key",
        "A scope key says whose it is: `tenant:TENANT:TYPE:ID`, with `:` within a part as `%3A`. Nothing was appended.",
        "Put the tenant in front, as in `tenant:acme:reservation:res_456`.";
    TENANT_ID_REQUIRED = "TENANT_ID_REQUIRED" [422],
        "The scope belongs to no tenant, or to another one",
        "A command is decided in scopes of its own tenant, which is its namespace: `tenant:NAMESPACE:TYPE:ID`. Nothing was done, and nothing recorded.",
        "Write the scope's key as `detail` suggests.";
    CROSS_BC_NOT_ALLOWED = "CROSS_BC_NOT_ALLOWED" [422],
        "The scope belongs to another bounded context",
        "A consistency boundary lies within one bounded context, and another one than the command's has written to this one. Nothing was done, and nothing recorded.",
        "Name a scope of the command's context; between contexts, use a saga.";
    DECIDER_REQUIRED = "DECIDER_REQUIRED" [422],
        "No decider decides the command",
        "A command in a scope is decided by a decider, and this one is handled without. Nothing was done, and nothing recorded.",
        "Declare the command by `create`, `modify` or `across`, or send it without scopes.";
}
