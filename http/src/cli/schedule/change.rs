//! `schedule create` and `schedule update`.

use std::process::ExitCode;
use std::time::Duration;

use super::arguments::{SpecArgs, millis, overlap};
use super::show::print_schedule;
use crate::cli::remote::{RemoteArgs, print_json};
use crate::cli::values;
use crate::{
    DEFAULT_CATCHUP_WINDOW_MS, Overlap, Payload, ScheduleAction, ScheduleDefinition, ScheduleInput,
};

/// The flags of `schedule create` and `schedule update`.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct CreateArgs {
    /// The schedule's id.
    #[arg(value_name = "SCHEDULE_ID")]
    id: String,
    /// The workflow type that it starts.
    #[arg(value_name = "TYPE")]
    workflow_type: String,
    /// The input: JSON, @file, or - for standard input.
    #[arg(value_name = "INPUT", value_parser = values::json)]
    input: Option<Payload>,
    #[command(flatten)]
    spec: SpecArgs,
    /// What to do when a firing comes while a run is open.
    #[arg(long, value_name = "POLICY", value_parser = overlap(), default_value = "skip")]
    overlap: Overlap,
    /// How late a firing may be made up; a year where nothing is said.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    catchup_window: Option<Duration>,
    /// Finished after so many runs of its own.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// What the runs' workflow ids begin with; the schedule's id where nothing is said.
    #[arg(long, value_name = "TEXT")]
    id_prefix: Option<String>,
    /// Begin paused.
    #[arg(long)]
    paused: bool,
    /// A word for whoever reads it.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl CreateArgs {
    pub(super) fn create(&self) -> ExitCode {
        self.send(true)
    }

    pub(super) fn update(&self) -> ExitCode {
        self.send(false)
    }

    fn send(&self, create: bool) -> ExitCode {
        self.remote.run(async |client| {
            let input = self.input();
            let schedule = match create {
                true => client.create_schedule(&self.id, &input).await?,
                false => client.update_schedule(&self.id, &input).await?,
            };
            match self.remote.json {
                true => print_json(&schedule)?,
                false => print_schedule(&schedule)?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    fn input(&self) -> ScheduleInput {
        let action = ScheduleAction {
            workflow_type: self.workflow_type.clone(),
            input: self.input.clone().unwrap_or_default(),
            id_prefix: self.id_prefix.clone(),
            ..ScheduleAction::default()
        };
        let definition = ScheduleDefinition {
            spec: self.spec.spec(),
            overlap: self.overlap,
            catchup_window_ms: self.catchup_window.map_or(DEFAULT_CATCHUP_WINDOW_MS, millis),
            action,
            limit: self.limit,
        };
        ScheduleInput { definition, paused: self.paused.then_some(true), note: self.note.clone() }
    }
}
