//! Process managers, sagas, circuits and dead letters.

error_codes! {
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
}
