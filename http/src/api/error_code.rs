//! Every error code of the API: the one table from which problems, the pages under `/errors/` and
//! `docs/errors.md` are made.
//!
//! Invariant: a code never changes its name or its meaning; new ones may be added.

mod book;

pub use book::book;

/// One stable error code.
#[derive(Debug)]
pub struct ErrorCode {
    /// Stable snake case, the problem's `code`.
    pub name: &'static str,
    /// The statuses that it comes with; the first unless the text says otherwise.
    pub statuses: &'static [u16],
    /// The problem's `title`.
    pub title: &'static str,
    /// What happened.
    pub happened: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

macro_rules! error_codes {
    ($($constant:ident = $name:literal $statuses:expr, $title:literal, $happened:literal, $remedy:literal;)*) => {
        $(pub(crate) const $constant: &ErrorCode = &ErrorCode {
            name: $name,
            statuses: &$statuses,
            title: $title,
            happened: $happened,
            remedy: $remedy,
        };)*

        /// All of them, in the order of the documentation.
        pub const ALL: &[&ErrorCode] = &[$($constant),*];
    };
}

error_codes! {
    MALFORMED_JSON = "malformed_json" [400],
        "The body is not JSON",
        "The request's body could not be read as one JSON value. `detail` says where reading stopped. Nothing was done.",
        "Send one JSON value in UTF-8. For a workflow's start it is an object with at least `type`; for signals and queries it is the payload itself, and an empty body stands for `null`.";
    INVALID_REQUEST = "invalid_request" [400, 422],
        "The request makes no sense",
        "A parameter, a header or a field of the body has the wrong type or a value that is not allowed; `detail` names it. With status 422 the request was understood, but this workflow cannot take it: the input or payload has another shape than its code declares, or the id is `.` or `..`, which cannot stand in a path. Nothing was done.",
        "Correct the named field. The OpenAPI document at `/api/v1/openapi.json` lists every parameter with its type. Sending the same request again gives the same answer.";
    UNKNOWN_WORKFLOW_TYPE = "unknown_workflow_type" [422],
        "No worker registers this workflow type",
        "The `type` of the start is not registered in this server. `detail` lists the types that are. Nothing was started.",
        "Check the spelling, and whether the server runs the build that registers the type.";
    WORKFLOW_NOT_FOUND = "workflow_not_found" [404],
        "The workflow does not exist",
        "No workflow has this id, or none of its runs has the `run_id` that was asked for.",
        "Check the id (in a path every reserved character is percent-encoded, `/` as `%2F`), and that the server was started with the data directory that holds the workflow.";
    WORKFLOW_ALREADY_RUNNING = "workflow_already_running" [409],
        "The workflow is already running",
        "The id of the start belongs to a run that is still open. `detail` names the run. Nothing was started, and a signal of the same request was not sent.",
        "Use another id, or send `\"on_conflict\": \"use_existing\"` to be answered with the open run, or `\"id_reuse\": \"terminate_if_running\"` to end it first. To make a retried start harmless, send an `Idempotency-Key`.";
    WORKFLOW_ALREADY_EXISTS = "workflow_already_exists" [409],
        "The id is taken by a closed run",
        "The id of the start belongs to a run that has closed, and `id_reuse` does not allow another one. `detail` names the run and how it ended.",
        "Use another id, or send `\"id_reuse\": \"allow_if_failed\"` or `\"allow_if_closed\"`.";
    WORKFLOW_CLOSED = "workflow_closed" [409],
        "The workflow is closed",
        "A signal, an update, a cancellation, a termination or an activity's report came for a run that has already ended, or the run ended before it answered the update. Nothing was recorded by the request itself.",
        "Read the run's result. To begin again, start a new run of the same id with `id_reuse`.";
    ACTIVITY_NOT_FOUND = "activity_not_found" [404],
        "There is no such activity",
        "The task token in the path is not one that this server gave out, or the run that it belongs to does not exist any more; or the run has no pending activity of the id that was to be retried. Nothing was done.",
        "Pass a token on exactly as the activity was given it (`task_token` of its context, or of the pending activity in the run's description).";
    ACTIVITY_NOT_PENDING = "activity_not_pending" [409],
        "The attempt has ended",
        "The task token names an attempt that was completed before, ran out of time, was withdrawn by its workflow, or has been followed by another attempt. Nothing was recorded.",
        "There is nothing to do: the workflow goes on by what ended the attempt. If the report came too late, give the activity a longer timeout, or send heartbeats.";
    QUEUE_NOT_FOUND = "queue_not_found" [404],
        "The task queue does not exist",
        "No worker of this server declares a task queue of this name, its limits were never set, and no activity has used it since the server started.",
        "Check the name. Setting a queue's limits makes it known.";
    QUERY_NOT_FOUND = "query_not_found" [404],
        "The workflow has published nothing under this name",
        "The workflow exists, but its code has not published a value under the query's name, or not yet.",
        "Check the name, and wait until the workflow's code has come to the place where it publishes.";
    PAYLOAD_NOT_FOUND = "payload_not_found" [404],
        "The event carries no such payload",
        "The run has no event of this number, or the event has fewer payloads than the address says.",
        "Take `event_id` and `index` from the reference that stands in the payload's place.";
    UPDATE_NOT_FOUND = "update_not_found" [404],
        "The workflow knows no such update",
        "The workflow's type declares no update of this name (`detail` lists those that it declares), or no update is known under the id that was asked for. Nothing was done.",
        "Check the name, and that the worker declares it with `Worker::update`. An update that its validator turned down at once leaves no trace, so its id is unknown.";
    UPDATE_REJECTED = "update_rejected" [422],
        "The workflow turned the update down",
        "The validator in the workflow's code refused the update in the state that the workflow is in; `detail` says why. Nothing was recorded.",
        "Correct the argument, or send the update again when the workflow's state allows it.";
    TOO_MANY_UPDATES = "too_many_updates" [429],
        "Too many updates wait for an answer",
        "As many updates of this run as the server keeps wait for the workflow's code to take or answer them. Nothing was done.",
        "Send it again after the number of seconds in `Retry-After`, and see what the workflow waits for.";
    BATCH_NOT_FOUND = "batch_not_found" [404],
        "The batch does not exist",
        "No batch operation of this namespace has this id, or what was to be done to the runs is none of `signal`, `cancel`, `terminate` and `reset`. Nothing was done.",
        "Use the `batch_id` that the request was answered with, and the namespace of its filter.";
    SCHEDULE_NOT_FOUND = "schedule_not_found" [404],
        "The schedule does not exist",
        "No schedule has this id. Nothing was done.",
        "Check the id (in a path every reserved character is percent-encoded), and that the server was started with the data directory that holds the schedule.";
    SCHEDULE_ALREADY_EXISTS = "schedule_already_exists" [409],
        "The schedule exists already",
        "There is a schedule of this id. It was not changed.",
        "Change it with `PUT /api/v1/schedules/{id}`, delete it first, or use another id.";
    AGENT_NOT_FOUND = "AGENT_NOT_FOUND" [404],
        "The agent does not exist",
        "No agent of this id is registered with the server's worker. Nothing was done.",
        "Check the id; `GET /api/v1/agents` lists those that there are.";
    AGENT_RECORD_NOT_FOUND = "AGENT_RECORD_NOT_FOUND" [404],
        "There is no such record of an agent",
        "No approval, command, dead letter or thread has this id in this namespace. Nothing was done.",
        "Take the id from the list that it stands in.";
    APPROVAL_EXPIRED = "APPROVAL_EXPIRED" [409],
        "The approval has expired",
        "Nobody decided before `expiresAt`, so what the agent would have done is off. Nothing was done.",
        "The next event of the same kind leads to another approval; to have more time, give the agent a longer `approvalTimeout`.";
    APPROVAL_ALREADY_DECIDED = "APPROVAL_ALREADY_DECIDED" [409],
        "Somebody decided before",
        "The approval was approved or rejected already; `detail` says by whom. Nothing was done.",
        "There is nothing to do. What became of it stands in the approval and in the agent's decisions.";
    INVALID_LIFECYCLE_TRANSITION = "INVALID_LIFECYCLE_TRANSITION" [409],
        "The agent's status does not allow it",
        "The agent is in a status from which this does not lead: only a stopped agent is started, only a paused or resting one resumed. Nothing was done.",
        "Look at the agent's `checkpoint.status`, and ask for what it allows.";
    AGENT_DEAD_LETTER_REFUSED = "AGENT_DEAD_LETTER_REFUSED" [409],
        "The dead letter is as it was",
        "It was replayed and went wrong again, or it is not pending; `detail` says which. A replay that went wrong leaves it pending.",
        "Mend what `detail` names and replay it again, or ignore it with a reason.";
    IDEMPOTENCY_CONFLICT = "idempotency_conflict" [409],
        "The idempotency key was used with another request",
        "An earlier request carried the same `Idempotency-Key` and another body (for a signal or an update: another name or payload). The earlier request keeps its effect; this one had none.",
        "Use one key for one request and its repetitions, and a fresh key for everything else.";
    ALREADY_RESERVED = "ALREADY_RESERVED" [409],
        "Somebody has the value",
        "The key is reserved by somebody else, or belongs to an entity already. `expires_at` says until when, unless it is for good. Nothing was reserved.",
        "Choose another value, or try again after `expires_at`.";
    PROCESS_MANAGER_NOT_FOUND = "PROCESS_MANAGER_NOT_FOUND" [404],
        "The process manager does not exist",
        "The worker that runs here has no process manager of this name. Nothing was done.",
        "Take the `name` from `GET /api/v1/process-managers`.";
    EVENT_NOT_HANDLED = "EVENT_NOT_HANDLED" [409],
        "The event cannot be dealt with now",
        "The process manager's own code, or a command that it sent, refused; `detail` says why.",
        "Mend what `detail` names, then hand the event to it again.";
    SAGA_NOT_FOUND = "SAGA_NOT_FOUND" [404],
        "The saga does not exist",
        "No saga has this id. A workflow is a saga where the worker says so of its type. Nothing was done.",
        "Take the `saga_id` from `GET /api/v1/sagas`; declare the type with `Worker::saga`.";
    SAGA_NOT_STUCK = "SAGA_NOT_STUCK" [409],
        "The saga is not stuck",
        "A compensation is tried again, or skipped, only where it failed for good and the saga waits for a decision. Nothing was done.",
        "Look at it with `GET /api/v1/sagas/{id}`: `stuck` names the compensation, where there is one.";
    CIRCUIT_NOT_FOUND = "CIRCUIT_NOT_FOUND" [404],
        "No worker declares the circuit",
        "A circuit is opened and closed by hand only where the worker declares it. Nothing was done.",
        "Take the `name` from `GET /api/v1/circuits`; declare it with `Worker::circuit`.";
    DEAD_LETTER_NOT_FOUND = "DEAD_LETTER_NOT_FOUND" [404],
        "The dead letter does not exist",
        "No dead letter has this id; one that was resolved or ignored is forgotten after 30 days. Nothing was done.",
        "Take the `id` from `GET /api/v1/dead-letters`.";
    DEAD_LETTER_NOT_PENDING = "DEAD_LETTER_NOT_PENDING" [409],
        "The dead letter is not pending",
        "It is being retried, was resolved, or was ignored; `from` says which, `allowed` what it can become. Nothing was done.",
        "Look at it again with `GET /api/v1/dead-letters/{id}`: a retry that fails makes it pending again.";
    UNKNOWN_DEAD_LETTER_KIND = "UNKNOWN_DEAD_LETTER_KIND" [409],
        "No worker can retry this kind",
        "The worker that runs here does not say what a retry of this kind of dead letter does. Nothing was done.",
        "Run the build that declares the kind with `Worker::dead_letters`, or ignore the letter.";
    REASON_REQUIRED = "REASON_REQUIRED" [422],
        "A reason is needed",
        "What was asked for is a decision that others will look at later, and it came without its `reason`. Nothing was done.",
        "Send `{\"reason\": \"…\"}`.";
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
    SCHEMA_NOT_FOUND = "SCHEMA_NOT_FOUND" [404],
        "No such schema",
        "No schema is registered for the event type, or not in this version; `detail` lists those that are.",
        "Check the spelling, or register the schema.";
    SCHEMA_VALIDATION_FAILED = "SCHEMA_VALIDATION_FAILED" [422],
        "The payload is not what its schema says",
        "`field` names the first field that is at fault, `detail` what was expected and what was found. Nothing was stored.",
        "Correct the field, or register a version of the schema that allows it.";
    INVALID_SCHEMA = "INVALID_SCHEMA" [422],
        "This is no schema",
        "A keyword is not understood, or has the wrong form; `detail` names the place. Nothing was registered.",
        "Use the part of JSON Schema that the guide lists.";
    SCHEMA_CONFLICT = "SCHEMA_CONFLICT" [409],
        "The version cannot be registered",
        "The version is registered with another schema, or a newer one is registered already. Nothing was registered.",
        "Register the schema under a version above the newest.";
    BREAKING_CHANGE = "BREAKING_CHANGE" [409],
        "The schema breaks its promise",
        "The new version cannot read what an older one wrote, or the other way, although its compatibility promises it. `detail` names the fields, and the migration that would mend it. Nothing was registered.",
        "Make the new field optional or give it a default, declare the version with the migration in the worker, or register it with another compatibility.";
    NO_MIGRATION_PATH = "NO_MIGRATION_PATH" [422],
        "No migration leads there",
        "No chain of casts leads from the one version to the other, and the one schema does not read the other.",
        "Declare the up- or downcaster that `detail` names.";
    MIGRATION_FAILED = "MIGRATION_FAILED" [422],
        "A migration refused the payload",
        "A cast could not migrate the payload; `detail` says why. What is stored is unchanged.",
        "Correct the cast, or the payload.";
    SCHEMA_MISMATCH = "SCHEMA_MISMATCH" [422],
        "A consumer cannot read what is written",
        "The consumer expects a version that the written one does not lead to.",
        "Register the downcaster that `detail` names, or let the consumer read the newer version.";
    TOO_FEW_SAMPLES = "TOO_FEW_SAMPLES" [422],
        "The schema has too few values",
        "Fewer different valid payloads exist than samples were asked for.",
        "Ask for fewer, or see whether the schema allows anything at all.";
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
    PAYLOAD_TOO_LARGE = "payload_too_large" [413],
        "The body is too large",
        "The body, or one payload in it, is larger than the limit that `detail` names; or what was asked for, such as a query's result, is. Nothing was done.",
        "Store the data elsewhere and send a reference to it, or raise the server's limit.";
    WORKFLOW_OPEN = "workflow_open" [409],
        "The workflow is open",
        "Only a closed run can be deleted, and this one is running or paused. Nothing was deleted.",
        "Wait for its end, or cancel or terminate it first.";
    ACTIVITY_NOT_WAITING = "activity_not_waiting" [409],
        "The activity waits for no attempt",
        "An attempt of the activity runs already, its end was asked for, or the run is paused. Nothing was started.",
        "Wait for the attempt's end (its timeout ends it at the latest), or resume the run.";
    TASK_NOT_FAILED = "task_not_failed" [409],
        "The run's code has not failed",
        "The run is not stuck: its code runs, or it waits for something.",
        "Read `waiting_for` in the run's description.";
    NAMESPACE_NOT_FOUND = "namespace_not_found" [404],
        "The namespace does not exist",
        "The parameter `namespace` names none of this server's namespaces. Nothing was done.",
        "Check the spelling, or create it with `POST /api/v1/namespaces`.";
    NAMESPACE_ALREADY_EXISTS = "namespace_already_exists" [409],
        "The namespace exists already",
        "There is a namespace of this name. Nothing was changed.",
        "Change it with `PUT /api/v1/namespaces/{name}`.";
    NAMESPACE_NOT_EMPTY = "namespace_not_empty" [409],
        "The namespace holds runs",
        "Only an empty namespace can be deleted, and `default` never. Nothing was deleted.",
        "Terminate and delete its runs, or give it a short retention and wait.";
    SEARCH_ATTRIBUTE_TYPE = "search_attribute_type" [422],
        "The search attribute holds another type",
        "The worker declares a type for the search attribute, and the value is of another one; `detail` names both. Nothing was started.",
        "Send a value of the declared type, which `GET /api/v1/search-attributes` lists: `keyword` is a string, `datetime` an RFC 3339 string. An attribute that no worker declares takes any value.";
    UNSUPPORTED_SORT = "unsupported_sort" [400],
        "The list cannot be sorted by this",
        "No index serves the order that the parameter `sort` asks for, and the server does not sort a million runs in memory.",
        "Sort by `started_at`, `closed_at` or `attr.NAME` (a search attribute), with `-` in front for descending, and use filters for the rest.";
    BACKUP_REFUSED = "backup_refused" [409],
        "The backup cannot be made now",
        "The directory that was named exists already, or another backup is being made. Nothing was written.",
        "Name a directory that does not exist, or wait for the other backup's end.";
    BACKUP_FAILED = "backup_failed" [422],
        "The backup could not be written",
        "The server's machine refused to write where the backup was to go; `detail` says why. No backup was made, and what had been written was taken away.",
        "Name a directory on a disk with enough room that the server's user may write to.";
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
    UNAUTHENTICATED = "UNAUTHENTICATED" [401],
        "The server does not know who asks",
        "The server was started with tokens, and the request carries none, or one that it does not know. Nothing was done.",
        "Send `Authorization: Bearer <token>` (`--token` or `EVERSTEP_TOKEN` on the command line). `everstep token` makes a token and the entry for the server's token file.";
    UNAUTHORIZED = "UNAUTHORIZED" [403],
        "The caller may not do this",
        "The token is known, but its role is too small for the request, or it does not reach the namespace that the request is about; `detail` says which. Nothing was done.",
        "Use a token with the role that the OpenAPI document names for the route (`security`), and with the namespace among its own.";
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
    HOST_NOT_ALLOWED = "host_not_allowed" [403],
        "The Host header is not this server's",
        "The server listens on loopback only, and the request names another host. That is how a web page that rebinds its DNS name to this machine looks.",
        "Address the server as `localhost`, `127.0.0.1` or `[::1]`.";
    ORIGIN_NOT_ALLOWED = "origin_not_allowed" [403],
        "A page of another origin sent this",
        "A browser sent a request that changes something on behalf of a page from another origin. Nothing was done.",
        "Send such requests from the inspector, from a page that this server serves, or from a program.";
    ROUTE_NOT_FOUND = "route_not_found" [404],
        "No such route",
        "The path names nothing that this server serves.",
        "Compare the path with the OpenAPI document at `/api/v1/openapi.json`. Ids in a path are percent-encoded, `/` as `%2F`.";
    METHOD_NOT_ALLOWED = "method_not_allowed" [405],
        "The route does not take this method",
        "The path exists, but not with this HTTP method. The header `Allow` lists the methods that it takes.",
        "Use one of them.";
    REQUEST_TIMEOUT = "request_timeout" [408],
        "The body did not arrive in time",
        "The server waited for the rest of the request's body and gave up. Nothing was done.",
        "Send the request again; if it happens often, look at the network or at the client's upload.";
    UNAVAILABLE = "unavailable" [503],
        "The server cannot take this now",
        "The server is starting, shutting down, out of disk space or has stopped its store; `detail` says which. Nothing was done.",
        "Try again after the number of seconds in `Retry-After`. `/health/ready` says when the server takes requests again.";
    OUTCOME_UNKNOWN = "outcome_unknown" [503],
        "Whether it happened is not known",
        "The store stopped in the middle of the commit, so the server cannot say whether the request took effect.",
        "Send the request again with the same `Idempotency-Key` (or the same workflow id) once the server is back: it takes effect once.";
    CORRUPT = "corrupt" [500],
        "Stored data cannot be read",
        "What the store holds for this workflow cannot be read. The fault is the server's, not the request's.",
        "Look at the server's log, which names the record, and restore the data directory from a backup if the disk is damaged.";
    INTERNAL_ERROR = "internal_error" [500],
        "The server failed",
        "The server's own code failed while it answered. The fault is the server's, not the request's.",
        "Look at the server's log, and report what it says.";
}

/// The code of that name.
pub fn find(name: &str) -> Option<&'static ErrorCode> {
    ALL.iter().copied().find(|code| code.name == name)
}
