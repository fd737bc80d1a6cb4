//! The commands and how they are told apart.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::activity::ActivityCommand;
use super::backup::{BackupArgs, RestoreArgs, VerifyArgs};
use super::batch::BatchCommand;
use super::cancel::CancelArgs;
use super::codec::RekeyArgs;
use super::commands::CommandsCommand;
use super::contracts::{ContextsArgs, ContractsCommand};
use super::count::CountArgs;
use super::delete::DeleteArgs;
use super::events::EventsCommand;
use super::export::ExportArgs;
use super::list::ListArgs;
use super::namespaces::NamespacesArgs;
use super::pause::PauseArgs;
use super::payload::PayloadArgs;
use super::preflight::{PreflightArgs, preflight};
use super::projections::ProjectionsCommand;
use super::query::QueryArgs;
use super::queue::QueueCommand;
use super::reservations::{ReservationsCommand, SchemasCommand, StreamIdArgs, SubjectsCommand};
use super::reset::ResetArgs;
use super::resume::ResumeArgs;
use super::retry::RetryArgs;
use super::schedule::ScheduleCommand;
use super::serve::{ServeArgs, serve};
use super::show::ShowArgs;
use super::signal::SignalArgs;
use super::start::StartArgs;
use super::terminate::TerminateArgs;
use super::token::TokenArgs;
use super::update::UpdateArgs;
use crate::Worker;
use crate::bench::BenchArgs;

const ABOUT: &str = "Durable execution in one binary: workflows that survive crashes, deploys and \
                     months of waiting.";

/// A worker's command line: the server, and every client command.
#[derive(Debug, Parser)]
#[command(version, about = ABOUT, args_conflicts_with_subcommands = true)]
struct WorkerCli {
    #[command(flatten)]
    serve: ServeArgs,
    #[command(subcommand)]
    command: Option<WorkerCommand>,
}

#[derive(Debug, Subcommand)]
enum WorkerCommand {
    /// Run the server: the API, the inspector and this worker's workflows (the default).
    #[command(after_help = SERVE_HELP)]
    Serve(Box<ServeArgs>),
    /// Replay a server's runs against this program's code, and say what a deploy would break.
    #[command(after_help = PREFLIGHT_HELP)]
    Preflight(PreflightArgs),
    #[command(flatten)]
    Client(ClientCommand),
}

/// The command line of the binary that has no worker.
#[derive(Debug, Parser)]
#[command(version, about = ABOUT, arg_required_else_help = true)]
struct ClientCli {
    #[command(subcommand)]
    command: ClientCommand,
}

#[derive(Debug, Subcommand)]
enum ClientCommand {
    /// Start a workflow.
    #[command(after_help = START_HELP)]
    Start(Box<StartArgs>),
    /// Send a signal to a workflow.
    #[command(after_help = SIGNAL_HELP)]
    Signal(SignalArgs),
    /// Ask something of a workflow and print its answer.
    #[command(after_help = UPDATE_HELP)]
    Update(Box<UpdateArgs>),
    /// Read what a workflow publishes about itself; works on closed runs too.
    #[command(after_help = QUERY_HELP)]
    Query(QueryArgs),
    /// Print one value of a workflow's history, whole.
    #[command(after_help = PAYLOAD_HELP)]
    Payload(PayloadArgs),
    /// List workflows, newest first.
    #[command(after_help = LIST_HELP)]
    List(Box<ListArgs>),
    /// Count workflows, in all and by group.
    #[command(after_help = COUNT_HELP)]
    Count(Box<CountArgs>),
    /// Show a run: what it waits for and its history.
    #[command(after_help = SHOW_HELP)]
    Show(ShowArgs),
    /// Write a run and its history to a file that tests can replay.
    #[command(after_help = EXPORT_HELP)]
    Export(ExportArgs),
    /// Ask a run to end in its own way, with its clean-up.
    #[command(after_help = CANCEL_HELP)]
    Cancel(CancelArgs),
    /// End a run at once, without clean-up.
    #[command(after_help = TERMINATE_HELP)]
    Terminate(TerminateArgs),
    /// Dispatch nothing more of a run until it is resumed.
    #[command(after_help = PAUSE_HELP)]
    Pause(PauseArgs),
    /// Let a paused run go on.
    #[command(after_help = RESUME_HELP)]
    Resume(ResumeArgs),
    /// Report of an activity that is completed from outside.
    #[command(subcommand, after_help = ACTIVITY_HELP)]
    Activity(ActivityCommand),
    /// Begin a new run with a part of a run's history, and go on from there with today's code.
    #[command(after_help = RESET_HELP)]
    Reset(Box<ResetArgs>),
    /// Try now what waits for its next try: an activity, or code that failed.
    #[command(after_help = RETRY_HELP)]
    Retry(RetryArgs),
    /// Delete a closed run with everything that is stored of it.
    #[command(after_help = DELETE_HELP)]
    Delete(DeleteArgs),
    /// Signal, cancel, terminate or reset every run that a filter names.
    #[command(subcommand, after_help = BATCH_HELP)]
    Batch(Box<BatchCommand>),
    /// List, create, change and delete namespaces.
    #[command(after_help = NAMESPACES_HELP)]
    Namespaces(NamespacesArgs),
    /// Start workflows by the clock: cron expressions and intervals.
    #[command(subcommand, after_help = SCHEDULE_HELP)]
    Schedule(Box<ScheduleCommand>),
    /// See and set what task queues allow, and what waits in them.
    #[command(subcommand, after_help = QUEUE_HELP)]
    Queue(QueueCommand),
    /// Send commands, and see what became of them.
    #[command(subcommand, after_help = COMMAND_HELP)]
    Command(Box<CommandsCommand>),
    /// Read and append events: in streams, by tag, as they come.
    #[command(subcommand, after_help = EVENTS_HELP)]
    Events(EventsCommand),
    /// See read models: how far they are, what they hold.
    #[command(subcommand, after_help = PROJECTIONS_HELP)]
    Projections(ProjectionsCommand),
    /// Copy everything that a server holds into a new directory, while it goes on.
    #[command(after_help = BACKUP_HELP)]
    Backup(Box<BackupArgs>),
    /// Make a data directory from a backup.
    #[command(after_help = RESTORE_HELP)]
    Restore(RestoreArgs),
    /// Read a backup, or a stopped server's data directory, and say whether it is whole.
    #[command(after_help = VERIFY_HELP)]
    Verify(VerifyArgs),
    /// Make a bearer token, and the entry that lets a server know it.
    #[command(after_help = TOKEN_HELP)]
    Token(TokenArgs),
    /// Show bounded contexts, their contracts, and how they relate.
    #[command(after_help = CONTEXTS_HELP)]
    Contexts(ContextsArgs),
    /// Check whether consumers can read what producers write.
    #[command(subcommand, after_help = CONTRACTS_HELP)]
    Contracts(ContractsCommand),
    /// See and register the schemas of events.
    #[command(subcommand, after_help = SCHEMAS_HELP)]
    Schemas(SchemasCommand),
    /// Hold values that must be unique, and give them to entities.
    #[command(subcommand, after_help = RESERVATIONS_HELP)]
    Reservations(ReservationsCommand),
    /// Print the stream id that follows from a business key.
    #[command(after_help = STREAM_ID_HELP)]
    StreamId(StreamIdArgs),
    /// See and shred people's personal data.
    #[command(subcommand, after_help = SUBJECTS_HELP)]
    Subjects(SubjectsCommand),
    /// Copy a stopped server's store under other encryption keys, or under none.
    #[command(after_help = REKEY_HELP)]
    Rekey(RekeyArgs),
    /// Measure the engine on this machine, in process or over HTTP.
    #[command(after_help = BENCH_HELP)]
    Bench(Box<BenchArgs>),
    /// The server that the benchmark kills.
    #[command(hide = true)]
    BenchSleepers(crate::bench::SleepersArgs),
}

const SERVE_HELP: &str = "\
Prints one line of JSON on stdout when it is ready, {\"listening\": \"http://127.0.0.1:3837\"}, and
everything else on stderr. SIGTERM drains it and exits with 0.

Examples:
  serve
  serve --listen 127.0.0.1:0 --data /var/lib/everstep --memory-budget 1GiB
  serve --clock manual        time stands still until POST /test/clock/advance";

const START_HELP: &str = "\
Examples:
  start greet '\"Ada\"'
  start fulfil_order @order.json --id order-7 --wait 30s
  start chain '{\"steps\": 3}' --json | jq -r .workflow_id";

const SIGNAL_HELP: &str = "\
The signal is durable when this returns.

Examples:
  signal order-7 approve '{\"by\": \"ada\"}'
  signal order-7 approve --idempotency-key approval-1";

const UPDATE_HELP: &str = "\
The workflow validates the update, takes it and answers it. One that is not answered within the wait
is kept. Exits with 1 unless it was answered with a result.

Examples:
  update order-7 change_address '{\"city\": \"Berlin\"}'
  update order-7 change_address @address.json --id change-1 --wait 5m
  update order-7 --outcome change-1";

const QUERY_HELP: &str = "\
Examples:
  query order-7 status
  query order-7 status --json";

const PAYLOAD_HELP: &str = "\
The inspector and `payloads=reference` show of a large value only its event, its place and its size.

Examples:
  payload order-7 1           the workflow's input
  payload order-7 12 | jq .";

const LIST_HELP: &str = "\
Examples:
  list --status running
  list --type fulfil_order --started-after 2h --attr city=Berlin
  list --status failed --sort -closed_at
  list --attr-min amount=100 --sort -attr.amount
  list --limit 1000 --json";

const COUNT_HELP: &str = "\
Examples:
  count --group-by status
  count --status failed --group-by fingerprint
  count --type fulfil_order --attr city=Berlin --json";

const SHOW_HELP: &str = "\
Events that belong together stand in one row: an activity with all its attempts, a timer with its
end. Payloads are cut to the width of the terminal; --full prints them whole, and --json prints
everything as the server has it.

Examples:
  show order-7
  show order-7 --follow
  show order-7 --json | jq .workflow.waiting_for";

const EXPORT_HELP: &str = "\
Examples:
  export order-7 --output tests/order-7.json
  export order-7 --redact";

const PREFLIGHT_HELP: &str = "\
Every open run, and a sample of closed ones, is replayed here against this program's code; nothing
is run and nothing changes. Exit code 0 when every open run would go on, 1 when some would not.

Examples:
  preflight --url http://127.0.0.1:3837
  preflight --data ./data --json | jq .broken
  preflight --type fulfil_order --closed 10000 --strict";

const CANCEL_HELP: &str = "\
The run's code is told, compensates and cleans up, and then ends as `cancelled`.

Example:
  cancel order-7";

const TERMINATE_HELP: &str = "\
Example:
  terminate order-7 --reason 'duplicate of order-6'";

const PAUSE_HELP: &str = "\
Attempts that run may finish. Timers and signals are recorded, and acted on when the run is resumed.

Example:
  pause order-7 --reason 'waiting for the warehouse'";

const RESUME_HELP: &str = "\
Example:
  resume order-7";

const SCHEDULE_HELP: &str = "\
Each command takes --help with examples of its own, and --json.

Example:
  schedule create nightly report '\"sales\"' --cron '0 3 * * *' --timezone Europe/Berlin";

const QUEUE_HELP: &str = "\
What is set here stands above what the worker declares, over restarts, until `queue reset`. Each
command takes --json.

Examples:
  queue list
  queue set payments --concurrency 8 --rate 50
  queue pause payments";

const COMMAND_HELP: &str = "\
A command happens once under its id, however often it is sent. Each of these takes --json.

Examples:
  command send PlaceOrder '{\"order\": \"o-1\"}' --id place-o-1
  command show place-o-1";

const EVENTS_HELP: &str = "\
A stream is named Type:id, and its version is how many events it has. Each of these takes --json.

Examples:
  events append Order:o-1 OrderPaid '{\"cents\": 500}' --expected-version 1
  events read --stream Order:o-1
  events tail --tag customer:ada";

const RESTORE_HELP: &str = "\
Every file is compared with the manifest first; a directory that exists is left alone.

Example:
  restore --from /backups/monday --into ./data.new --json";

const VERIFY_HELP: &str = "\
Exits with 1 where something is missing or is not what was written.

Example:
  verify /backups/monday --json";

const ACTIVITY_HELP: &str = "\
A token is about one attempt: once that has ended it is refused. What is reported is durable when
this returns.

Examples:
  activity complete 0198c5f0-7e1a-7000-8000-000000000000.3.1 '{\"approved\": true}'
  activity fail 0198c5f0-7e1a-7000-8000-000000000000.3.1 no_answer --message 'nobody was there'
  activity heartbeat 0198c5f0-7e1a-7000-8000-000000000000.3.1 '\"half done\"' --json";

const RESET_HELP: &str = "\
The new run has the workflow's id. It takes over the events up to the one named; signals that came
later are received again, activities that were under way are started anew. An open run of the id is
terminated.

Examples:
  reset order-7 --to 12 --reason 'the price was wrong'
  reset order-7 --to 12 --edit '12={\"price\": 40}' --no-signals
  reset order-7 --to 1 --input @order.json --json";

const RETRY_HELP: &str = "\
Without an activity the code of a stuck run is tried again.

Examples:
  retry order-7 --activity 3
  retry order-7";

const DELETE_HELP: &str = "\
Example:
  delete order-7";

const BATCH_HELP: &str = "\
The filters are those of `list`. A batch runs on the server: it survives a restart, acts on each run
once, and can be paused, resumed and cancelled by its id like any workflow. Runs that are started
after it are not among its targets.

Examples:
  batch terminate --type fulfil_order --started-before 7d --dry-run
  batch terminate --type fulfil_order --started-before 7d --reason 'too old' --wait
  batch signal retry --status running --attr gateway=north
  batch reset --status failed --type fulfil_order --to 1 --reason 'fixed in 1.4'
  batch show 0198c5f0-7e1a-7000-8000-000000000000 --json";

const NAMESPACES_HELP: &str = "\
Without a retention a namespace keeps its closed runs for ever.

Examples:
  namespaces
  namespaces create staging --retention 7d --description 'for trying things'
  namespaces update staging --retention 1d
  namespaces delete staging --json";

const BACKUP_HELP: &str = "\
The copy shows one moment and has a manifest with the hash of every file; it gets its name when all
of it is on disk. Encryption keys are in no backup: keep them elsewhere, restoring needs them.

Examples:
  backup --into /backups/monday
  backup --data ./data --into ./backup          of a server that is stopped
  verify /backups/monday
  restore --from /backups/monday --into ./data.new";

const PROJECTIONS_HELP: &str = "\
View projections are read by everybody, reporting projections by admins, logic and integration
projections by nobody outside. Each of these takes --json.

Examples:
  projections list
  projections rows orderSummaries --field customer=ada --prefix 2026-
  projections row orderSummaries order-7
  projections pause orderSummaries --reason 'a look at row 7'";

const TOKEN_HELP: &str = "\
A server that is given a token file asks everybody who they are. A role may what those before it may:

  viewer    look at everything
  app       start, signal, update, cancel, send commands, append events
  operator  terminate, pause, reset, retry, batches, schedules, queues
  admin     namespaces, rebuilds, backups

Examples:
  token --name ada --into tokens.json
  token --name shop --role app --only shop --into tokens.json
  serve --tokens tokens.json
  EVERSTEP_TOKEN=es_… everstep list";

const CONTEXTS_HELP: &str = "\
Examples:
  contexts
  contexts inventory          its contract
  contexts --map";

const CONTRACTS_HELP: &str = "\
Examples:
  contracts check             exits with 1 when a contract does not hold
  contracts violations --since 7d --json";

const SCHEMAS_HELP: &str = "\
Each of these takes --json.

Examples:
  schemas list
  schemas show OrderPlaced
  schemas register OrderPlaced 1.1.0 @order-placed.json --compatibility full";

const RESERVATIONS_HELP: &str = "\
Examples:
  reservations reserve email:alice@example.com --ttl 5m
  reservations confirm 5tVztmJc6dAC3golhb1cZC User:7JInDyCqkBNBCUb7o3zkYo
  reservations show email:alice@example.com --json";

const STREAM_ID_HELP: &str = "\
Examples:
  stream-id User alice@example.com
  stream-id Seat hall-1 row-2 seat-3";

const SUBJECTS_HELP: &str = "\
Examples:
  subjects show customer-7
  subjects shred customer-7 --json";

const REKEY_HELP: &str = "\
For a store that shall be encrypted from now on, and to get rid of a key: a server that is started
with a new first key encrypts with it what is written from then on, and needs the old one for what
was. The copy needs the first key alone. Move it to the old directory's place when this is done.

Examples:
  rekey --data ./data --into ./data.new --encryption-keys keys.txt
  rekey --data ./data --into ./data.plain --encryption-keys keys.txt --plain";

const BENCH_HELP: &str = "\
Every figure stands beside the disk's own sync rate, measured in the same run, and everything is
durable before it counts. Published figures take --seconds 30 or more on a machine that does nothing
else.

  w1  one step, one workflow after the other
  w2  ten steps one after the other, 1, 64 and 512 workflows in flight
  w3  signal to result, 1 and 64 workflows in flight
  w4  1,000 steps at once
  w5  sleepers: start rate, memory, kill -9 and restart
  w6  schedules: 100,000 of them, 1,000 due at each second; how late they fire
  w7  one run with 100,000 events: its resume and the pages of its history
  w8  1,000,000 closed runs and 10,000 open ones: list, filter, count

Examples:
  bench
  bench --workloads w1,w2 --seconds 30 --check
  bench --url http://127.0.0.1:7979      a server with the conformance worker's types";

impl ClientCommand {
    fn run(self) -> ExitCode {
        match self {
            Self::Start(args) => args.run(),
            Self::Signal(args) => args.run(),
            Self::Update(args) => args.run(),
            Self::Query(args) => args.run(),
            Self::Payload(args) => args.run(),
            Self::List(args) => args.run(),
            Self::Count(args) => args.run(),
            Self::Show(args) => args.run(),
            Self::Export(args) => args.run(),
            Self::Cancel(args) => args.run(),
            Self::Terminate(args) => args.run(),
            Self::Pause(args) => args.run(),
            Self::Resume(args) => args.run(),
            Self::Activity(command) => command.run(),
            Self::Reset(args) => args.run(),
            Self::Retry(args) => args.run(),
            Self::Delete(args) => args.run(),
            Self::Batch(command) => command.run(),
            Self::Namespaces(args) => args.run(),
            Self::Schedule(command) => command.run(),
            Self::Queue(command) => command.run(),
            Self::Command(command) => command.run(),
            Self::Events(command) => command.run(),
            Self::Projections(command) => command.run(),
            Self::Backup(args) => args.run(),
            Self::Restore(args) => args.run(),
            Self::Verify(args) => args.run(),
            Self::Token(args) => args.run(),
            Self::Contexts(args) => args.run(),
            Self::Contracts(command) => command.run(),
            Self::Schemas(command) => command.run(),
            Self::Reservations(command) => command.run(),
            Self::StreamId(args) => args.run(),
            Self::Subjects(command) => command.run(),
            Self::Rekey(args) => args.run(),
            Self::Bench(args) => crate::bench::run(&args),
            Self::BenchSleepers(args) => args.run(),
        }
    }
}

/// The whole command line of a worker's binary: `serve` with this worker, which is also what
/// happens without a command, and the commands of a client.
#[must_use]
pub fn main(worker: Worker) -> ExitCode {
    match parse::<WorkerCli>(std::env::args_os()) {
        Err(code) => code,
        Ok(WorkerCli { serve: args, command: None }) => serve(worker, &args),
        Ok(WorkerCli { command: Some(WorkerCommand::Serve(args)), .. }) => serve(worker, &args),
        Ok(WorkerCli { command: Some(WorkerCommand::Preflight(args)), .. }) => {
            preflight(&worker, &args)
        }
        Ok(WorkerCli { command: Some(WorkerCommand::Client(command)), .. }) => command.run(),
    }
}

/// The command line of a binary without a worker: the commands of a client, and the benchmark.
#[must_use]
pub fn client_main() -> ExitCode {
    match parse::<ClientCli>(std::env::args_os()) {
        Err(code) => code,
        Ok(cli) => cli.command.run(),
    }
}

/// Reads the command line; help and mistakes are printed, the latter with exit code 2.
fn parse<C: CommandFactory + FromArgMatches>(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<C, ExitCode> {
    let parsed = C::command()
        .try_get_matches_from(arguments)
        .and_then(|mut matches| C::from_arg_matches_mut(&mut matches));
    parsed.map_err(|error| {
        // Nothing is left to say where the terminal is gone.
        let _ = error.print();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

#[cfg(test)]
mod tests;
