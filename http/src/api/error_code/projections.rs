//! Projections, their rows, their rebuilds, and entities as they are.

error_codes! {
    CATEGORY_REQUIRED = "CATEGORY_REQUIRED" [422],
        "A projection needs a category",
        "A projection was registered without saying what it is for. Nothing was registered.",
        "Say `logic`, `view`, `reporting` or `integration`; the guide's page on projections tells them apart.";
    INVALID_CATEGORY = "INVALID_CATEGORY" [422],
        "There is no such category",
        "A projection was registered under a category that there is none of. Nothing was registered.",
        "Say `logic`, `view`, `reporting` or `integration`.";
    INVALID_PROJECTION = "invalid_projection" [422],
        "The projection cannot be",
        "What was registered contradicts its category; `detail` says how: a logic projection is kept inline, an integration projection has a contract. Nothing was registered.",
        "Change what `detail` names.";
    PROJECTION_NOT_FOUND = "projection_not_found" [404],
        "The projection does not exist",
        "The server's worker registers no projection of this name.",
        "Check the name; `GET /api/v1/projections` lists them.";
    PROJECTION_ROW_NOT_FOUND = "projection_row_not_found" [404],
        "The projection has no such row",
        "No event has made a row of this key, or one has taken it away.",
        "Check the key (in a path every reserved character is percent-encoded).";
    INTERNAL_ONLY = "INTERNAL_ONLY" [403],
        "The projection is not read from outside",
        "Logic projections are read by decisions in their transactions, integration projections reach other contexts by events; neither is read by clients, whatever their role.",
        "Read a view projection, or register one of the same events.";
    ADMIN_ONLY = "ADMIN_ONLY" [403],
        "Admins alone read the projection",
        "Reporting projections are read with the role admin.",
        "Use a token with that role, or read a view projection.";
    SUBSCRIPTIONS_NOT_SUPPORTED = "SUBSCRIPTIONS_NOT_SUPPORTED" [422],
        "The projection cannot be followed",
        "Only view projections are followed by clients.",
        "Register a view projection of the same events, or read the rows from time to time.";
    PROJECTION_NOT_PAUSABLE = "projection_not_pausable" [409],
        "The projection cannot be paused",
        "It is kept in the transactions that append events, which do not wait for anybody. Nothing was changed.",
        "Nothing; only projections that follow a checkpoint are paused.";
    REPLAY_ALREADY_ACTIVE = "REPLAY_ALREADY_ACTIVE" [409],
        "The projection is being rebuilt already",
        "A projection is rebuilt once at a time, and this one's rebuild runs or is paused; `detail` names it. Nothing was changed.",
        "Wait until it is over, resume it, or cancel it first.";
    REPLAY_NOT_FOUND = "REPLAY_NOT_FOUND" [404],
        "The projection was never rebuilt",
        "A rebuild is asked about, and there is none of this projection.",
        "Check the name; `GET /api/v1/rebuilds` lists the rebuilds.";
    REPLAY_NOT_RUNNING = "REPLAY_NOT_RUNNING" [409],
        "The rebuild does not run",
        "It is over, or paused already; `detail` says which. Nothing was changed.",
        "Nothing, or begin another rebuild.";
    EVENT_NOT_QUARANTINED = "event_not_quarantined" [404],
        "The event is not quarantined",
        "No event at this position is set aside for the projection: it was taken in, ignored, or never refused three times.",
        "Check the position; `GET /api/v1/projections/{name}/quarantine` lists the events.";
    EVENT_STILL_REFUSED = "event_still_refused" [422],
        "The projection's code refuses the event still",
        "The event was given to the code again, or one that waits behind it was, and it was refused as before; `detail` says why. What came before it was taken in; the rest waits.",
        "Deploy code that takes the event, or leave it out for good with `ignore`.";
    AGGREGATE_NOT_FOUND = "aggregate_not_found" [404],
        "Streams of this type have no state here",
        "A state is asked for of a stream whose type is no entity of a decider that the worker registers; `detail` lists those that are.",
        "Check the stream's type, or register its commands, or `Commands::aggregate`, with the worker.";
    VERSION_NOT_FOUND = "version_not_found" [404],
        "The stream has fewer events",
        "A state is asked for at a version that the stream has not reached; `detail` says how many events it has.",
        "Ask for a version up to that one, or for none to get the newest state.";
    STATE_UNREADABLE = "state_unreadable" [422],
        "An event is not what the code expects",
        "The state could not be made: an event of the stream has another shape than the worker's code reads, and no migration leads there. `detail` names it. Nothing was changed.",
        "Declare an upcaster for the event's old version (`WorkerLanguage::event_schema`), or correct the code's type.";
}
