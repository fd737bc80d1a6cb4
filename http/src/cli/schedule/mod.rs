//! `schedule …`: workflows that start by the clock.

mod arguments;
mod change;
mod show;
mod steer;

use std::process::ExitCode;

/// The commands of `schedule`.
#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum ScheduleCommand {
    /// Create a schedule.
    #[command(after_help = CREATE_HELP)]
    Create(Box<change::CreateArgs>),
    /// Replace what a schedule does and when; what it did stays.
    Update(Box<change::CreateArgs>),
    /// List schedules with their next firing and how they are.
    List(show::ListArgs),
    /// Show a schedule: next firings, last runs, what is in its way.
    Show(show::ShowArgs),
    /// Start nothing of its own until it is resumed.
    Pause(steer::NoteArgs),
    /// Let a paused schedule go on from now.
    Resume(steer::NoteArgs),
    /// Fire once more, now.
    Trigger(steer::TriggerArgs),
    /// Make up firings of the past.
    #[command(after_help = BACKFILL_HELP)]
    Backfill(steer::BackfillArgs),
    /// Delete a schedule; runs that it started go on.
    Delete(steer::DeleteArgs),
    /// Show when a schedule would fire, without creating it.
    #[command(after_help = PREVIEW_HELP)]
    Preview(show::PreviewArgs),
}

const CREATE_HELP: &str = "\
Examples:
  schedule create nightly report '\"sales\"' --cron '0 3 * * *' --timezone Europe/Berlin
  schedule create poll poll_mailbox --every 30s --jitter 5s --overlap buffer_one
  schedule create trial remind @user.json --cron '0 9 * * MON-FRI' --limit 3";

const BACKFILL_HELP: &str = "\
Example:
  schedule backfill nightly --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z --overlap buffer_all";

const PREVIEW_HELP: &str = "\
Example:
  schedule preview --cron '30 2 * * *' --timezone Europe/Berlin --count 10";

impl ScheduleCommand {
    pub(super) fn run(self) -> ExitCode {
        match self {
            Self::Create(args) => args.create(),
            Self::Update(args) => args.update(),
            Self::List(args) => args.run(),
            Self::Show(args) => args.run(),
            Self::Pause(args) => args.pause(),
            Self::Resume(args) => args.resume(),
            Self::Trigger(args) => args.run(),
            Self::Backfill(args) => args.run(),
            Self::Delete(args) => args.run(),
            Self::Preview(args) => args.run(),
        }
    }
}
