//! Workflows, their runs, activities, updates and queues; batches and schedules.

error_codes! {
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
}
