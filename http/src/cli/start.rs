//! `start`: starts a workflow, and waits for its end where asked to.

use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::look::Look;
use super::remote::{CliError, RemoteArgs, print, print_json};
use super::screen::{Screen, printable};
use super::values;
use crate::client::{Client, StartAnswer};
use crate::{
    IdReuse, OnConflict, Payload, RunStatus, Selector, SignalInput, StartRequest, UpdateInput,
    UpdateState,
};

/// The flags of `start`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct StartArgs {
    /// The registered workflow type.
    #[arg(value_name = "TYPE")]
    workflow_type: String,
    /// The input: JSON, @FILE, or - for standard input [default: null].
    #[arg(value_name = "INPUT", value_parser = values::json)]
    input: Option<Payload>,
    /// The workflow's id; the server chooses one where none is given.
    #[arg(long)]
    id: Option<String>,
    /// Wait for the result, at most so long (10s, 5m, 2h). Exits with 1 unless it completed.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    wait: Option<Duration>,
    /// What to do when the id belongs to a closed run.
    #[arg(long, default_value = "reject_duplicate", value_parser = id_reuse())]
    id_reuse: IdReuse,
    /// What to do when the id belongs to a running run.
    #[arg(long, default_value = "fail", value_parser = on_conflict())]
    on_conflict: OnConflict,
    /// Wait so long before the code runs first.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    start_delay: Option<Duration>,
    /// Time the execution out after so long: the run and all that it continues as.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    execution_timeout: Option<Duration>,
    /// Time the run out after so long.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    run_timeout: Option<Duration>,
    /// A JSON object that is shown with the run.
    #[arg(long, value_name = "JSON", value_parser = values::json)]
    memo: Option<Payload>,
    /// A search attribute, NAME=VALUE; may be repeated.
    #[arg(long = "attr", value_name = "NAME=VALUE", value_parser = values::attribute)]
    attributes: Vec<(String, Payload)>,
    /// A signal that the run receives in the same commit.
    #[arg(long, value_name = "NAME")]
    signal: Option<String>,
    /// That signal's payload [default: null].
    #[arg(long, value_name = "JSON", value_parser = values::json, requires = "signal")]
    signal_payload: Option<Payload>,
    /// An update that the run is asked in the same commit; its answer is printed.
    #[arg(long, value_name = "NAME")]
    update: Option<String>,
    /// That update's argument [default: null].
    #[arg(long, value_name = "JSON", value_parser = values::json, requires = "update")]
    update_payload: Option<Payload>,
    /// Makes a repeated start answer what the first one answered.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    remote: RemoteArgs,
}

fn id_reuse() -> impl TypedValueParser<Value = IdReuse> {
    let names = ["reject_duplicate", "allow_if_failed", "allow_if_closed", "terminate_if_running"];
    PossibleValuesParser::new(names).map(|name| match name.as_str() {
        "allow_if_failed" => IdReuse::AllowIfFailed,
        "allow_if_closed" => IdReuse::AllowIfClosed,
        "terminate_if_running" => IdReuse::TerminateIfRunning,
        _ => IdReuse::RejectDuplicate,
    })
}

fn on_conflict() -> impl TypedValueParser<Value = OnConflict> {
    PossibleValuesParser::new(["fail", "use_existing"]).map(|name| match name.as_str() {
        "use_existing" => OnConflict::UseExisting,
        _ => OnConflict::Fail,
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl StartArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let answer = self.start(&client).await?;
            match self.remote.json {
                true => print_json(&answer)?,
                false => print(&render(&answer, Screen::stdout()))?,
            }
            let unfinished = answer.status.is_some_and(|status| status != RunStatus::Completed);
            Ok(if unfinished { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        })
    }

    async fn start(&self, client: &Client) -> Result<StartAnswer, CliError> {
        let wait = self.wait.unwrap_or_default();
        let mut answer = client.start_and_wait(&self.request(), wait).await?;
        if answer.status.is_some_and(|status| !status.is_closed()) {
            let selector = Selector {
                run_id: Some(answer.run_id),
                ..Selector::newest(answer.workflow_id.clone())
            };
            let left = wait.saturating_sub(Duration::from_secs(60));
            let end = client.result(&selector, left).await?;
            answer.status = Some(end.status);
            (answer.result, answer.failure) = (end.result, end.failure);
        }
        Ok(answer)
    }

    fn request(&self) -> StartRequest {
        let input = self.input.clone().unwrap_or_default();
        StartRequest {
            workflow_id: self.id.clone(),
            id_reuse: self.id_reuse,
            on_conflict: self.on_conflict,
            start_delay_ms: self.start_delay.map(millis),
            execution_timeout_ms: self.execution_timeout.map(millis),
            run_timeout_ms: self.run_timeout.map(millis),
            memo: self.memo.clone(),
            search_attributes: self.attributes.iter().cloned().collect(),
            signal: self.signal.clone().map(|name| SignalInput {
                name,
                payload: self.signal_payload.clone().unwrap_or_default(),
            }),
            update: self.update.clone().map(|name| {
                Box::new(UpdateInput {
                    name,
                    payload: self.update_payload.clone().unwrap_or_default(),
                    update_id: None,
                })
            }),
            idempotency_key: self.idempotency_key.clone(),
            ..StartRequest::new(&self.workflow_type, input)
        }
    }
}

fn render(answer: &StartAnswer, screen: Screen) -> String {
    let verb = if answer.started { "started" } else { "already running:" };
    let mut text = format!("{verb} {} (run {})\n", printable(&answer.workflow_id), answer.run_id);
    if let Some(status) = answer.status {
        text.push_str(&Look::of_status(status).paint(screen));
        text.push('\n');
    }
    if let Some(UpdateState { name, result, failure, .. }) = &answer.update {
        let outcome = match (result, failure) {
            (Some(result), _) => format!("answered {}", result.as_str()),
            (None, Some(failure)) => format!("refused: {}", failure.message),
            (None, None) => "not answered yet".to_owned(),
        };
        text.push_str(&printable(&format!("update {name} {outcome}")));
        text.push('\n');
    }
    if let Some(result) = &answer.result {
        text.push_str(&printable(result.as_str()));
        text.push('\n');
    }
    if let Some(failure) = &answer.failure {
        text.push_str(&printable(&format!("{}: {}", failure.kind, failure.message)));
        text.push('\n');
    }
    text
}
