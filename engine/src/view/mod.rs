//! What the engine shows of runs: the shapes of the HTTP API, read from one store snapshot.

mod batch;
mod description;
mod event_log;
mod export;
mod find;
mod hex;
mod history;
mod list;
mod queues;
mod recorded_page;
mod redaction;
mod relations;
mod result;
mod schedule;
mod unwritten_end;
mod update;
mod waiting;

pub use batch::{BatchDescription, BatchPage};
pub(crate) use batch::{describe_batch, list_batches};
pub(crate) use description::describe;
pub use description::{Awaiting, PendingActivityView, PendingTimerView, RunDescription};
pub use event_log::{
    AppendReceipt, EventOrigin, LogPage, LoggedEvent, NameDescription, ScopeDescription,
    StreamDescription,
};
pub use export::{ExportError, ExportPage, ExportQuery, ExportedRun};
pub(crate) use export::{PAGE_BYTES, export, export_page};
pub use find::{CountGroup, GroupBy, RunCounts};
pub(crate) use find::{count, list, list_in_order, run_before, token_before};
pub use history::{EventView, HistoryPage};
pub(crate) use history::{page_of_history, payload_of_event};
pub use list::{RunPage, RunSummary};
pub use queues::QueueDescription;
pub use recorded_page::{RecordedPage, push_event};
pub use redaction::HideValues;
pub use relations::PendingChildView;
pub use result::RunResult;
pub use schedule::{
    ScheduleDescription, ScheduleHealth, ScheduleHealthState, SchedulePage, ScheduledRun,
    Triggered, Upcoming,
};
pub(crate) use schedule::{list_schedules, preview};
pub use update::{PendingUpdateView, UpdateState, UpdateStatus};
