//! What a client does, by verbs.

use std::process::ExitCode;

use clap::{ArgMatches, Command, FromArgMatches, Subcommand};

use super::help;
use crate::bench::BenchArgs;
use crate::cli::activity::ActivityCommand;
use crate::cli::agents::AgentsCommand;
use crate::cli::backup::{BackupArgs, RestoreArgs, VerifyArgs};
use crate::cli::batch::BatchCommand;
use crate::cli::cancel::CancelArgs;
use crate::cli::circuits::CircuitsCommand;
use crate::cli::codec::RekeyArgs;
use crate::cli::commands::CommandsCommand;
use crate::cli::contracts::{ContextsArgs, ContractsCommand};
use crate::cli::count::CountArgs;
use crate::cli::dead_letters::DeadLettersCommand;
use crate::cli::delete::DeleteArgs;
use crate::cli::events::EventsCommand;
use crate::cli::export::ExportArgs;
use crate::cli::intents::IntentsCommand;
use crate::cli::limits::LimitsCommand;
use crate::cli::list::ListArgs;
use crate::cli::namespaces::NamespacesArgs;
use crate::cli::pause::PauseArgs;
use crate::cli::payload::PayloadArgs;
use crate::cli::process_managers::ProcessManagersCommand;
use crate::cli::projections::ProjectionsCommand;
use crate::cli::publications::PublicationsCommand;
use crate::cli::query::QueryArgs;
use crate::cli::queue::QueueCommand;
use crate::cli::reservations::{
    ReservationsCommand, SchemasCommand, StreamIdArgs, SubjectsCommand,
};
use crate::cli::reset::ResetArgs;
use crate::cli::resume::ResumeArgs;
use crate::cli::retry::RetryArgs;
use crate::cli::sagas::SagasCommand;
use crate::cli::schedule::ScheduleCommand;
use crate::cli::show::ShowArgs;
use crate::cli::signal::SignalArgs;
use crate::cli::start::StartArgs;
use crate::cli::subscriptions::SubscriptionsCommand;
use crate::cli::terminate::TerminateArgs;
use crate::cli::token::TokenArgs;
use crate::cli::update::UpdateArgs;

/// Every command that needs a server and no worker, and the benchmark. A program with flags of its
/// own flattens them into its own commands:
///
/// ```no_run
/// use clap::{Parser, Subcommand};
/// use everstep::cli::ClientCommand;
///
/// #[derive(Parser)]
/// struct Args {
///     #[command(subcommand)]
///     verb: Verb,
/// }
///
/// #[derive(Subcommand)]
/// enum Verb {
///     /// What only this program does.
///     Import { file: String },
///     #[command(flatten)]
///     Client(ClientCommand),
/// }
///
/// match Args::parse().verb {
///     Verb::Import { file } => println!("{file}"),
///     Verb::Client(command) => {
///         command.run();
///     }
/// }
/// ```
#[derive(Debug)]
pub struct ClientCommand(Verb);

impl ClientCommand {
    /// Does it, prints the answer to stdout and what went wrong to stderr: 0 done, 1 refused or
    /// failed.
    #[must_use]
    pub fn run(self) -> ExitCode {
        self.0.run()
    }
}

impl FromArgMatches for ClientCommand {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Verb::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl Subcommand for ClientCommand {
    fn augment_subcommands(command: Command) -> Command {
        Verb::augment_subcommands(command)
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Verb::augment_subcommands_for_update(command)
    }

    fn has_subcommand(name: &str) -> bool {
        Verb::has_subcommand(name)
    }
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start a workflow.
    #[command(after_help = help::START)]
    Start(Box<StartArgs>),
    /// Send a signal to a workflow.
    #[command(after_help = help::SIGNAL)]
    Signal(SignalArgs),
    /// Ask something of a workflow and print its answer.
    #[command(after_help = help::UPDATE)]
    Update(Box<UpdateArgs>),
    /// Read what a workflow publishes about itself; works on closed runs too.
    #[command(after_help = help::QUERY)]
    Query(QueryArgs),
    /// Print one value of a workflow's history, whole.
    #[command(after_help = help::PAYLOAD)]
    Payload(PayloadArgs),
    /// List workflows, newest first.
    #[command(after_help = help::LIST)]
    List(Box<ListArgs>),
    /// Count workflows, in all and by group.
    #[command(after_help = help::COUNT)]
    Count(Box<CountArgs>),
    /// Show a run: what it waits for and its history.
    #[command(after_help = help::SHOW)]
    Show(ShowArgs),
    /// Write a run and its history to a file that tests can replay.
    #[command(after_help = help::EXPORT)]
    Export(ExportArgs),
    /// Ask a run to end in its own way, with its clean-up.
    #[command(after_help = help::CANCEL)]
    Cancel(CancelArgs),
    /// End a run at once, without clean-up.
    #[command(after_help = help::TERMINATE)]
    Terminate(TerminateArgs),
    /// Dispatch nothing more of a run until it is resumed.
    #[command(after_help = help::PAUSE)]
    Pause(PauseArgs),
    /// Let a paused run go on.
    #[command(after_help = help::RESUME)]
    Resume(ResumeArgs),
    /// Report of an activity that is completed from outside.
    #[command(subcommand, after_help = help::ACTIVITY)]
    Activity(ActivityCommand),
    /// Begin a new run with a part of a run's history, and go on from there with today's code.
    #[command(after_help = help::RESET)]
    Reset(Box<ResetArgs>),
    /// Try now what waits for its next try: an activity, or code that failed.
    #[command(after_help = help::RETRY)]
    Retry(RetryArgs),
    /// Delete a closed run with everything that is stored of it.
    #[command(after_help = help::DELETE)]
    Delete(DeleteArgs),
    /// Signal, cancel, terminate or reset every run that a filter names.
    #[command(subcommand, after_help = help::BATCH)]
    Batch(Box<BatchCommand>),
    /// List, create, change and delete namespaces.
    #[command(after_help = help::NAMESPACES)]
    Namespaces(NamespacesArgs),
    /// Start workflows by the clock: cron expressions and intervals.
    #[command(subcommand, after_help = help::SCHEDULE)]
    Schedule(Box<ScheduleCommand>),
    /// See and set what task queues allow, and what waits in them.
    #[command(subcommand, after_help = help::QUEUE)]
    Queue(QueueCommand),
    /// Send commands, and see what became of them.
    #[command(subcommand, after_help = help::COMMAND)]
    Command(Box<CommandsCommand>),
    /// Read and append events: in streams, by tag, as they come.
    #[command(subcommand, after_help = help::EVENTS)]
    Events(EventsCommand),
    /// See read models: how far they are, what they hold.
    #[command(subcommand, after_help = help::PROJECTIONS)]
    Projections(ProjectionsCommand),
    /// Share events among consumers: make groups, take events, see what was parked.
    #[command(subcommand, after_help = help::SUBSCRIPTIONS)]
    Subscriptions(SubscriptionsCommand),
    /// See sagas, and decide about those that cannot undo a step.
    #[command(subcommand, after_help = help::SAGAS)]
    Sagas(SagasCommand),
    /// See what contexts tell each other, and how far each delivery is.
    #[command(subcommand, after_help = help::PUBLICATIONS)]
    Publications(PublicationsCommand),
    /// See process managers, and hand events to them again.
    #[command(subcommand, after_help = help::PROCESS_MANAGERS)]
    ProcessManagers(ProcessManagersCommand),
    /// See circuit breakers, open and close them.
    #[command(subcommand, after_help = help::CIRCUITS)]
    Circuits(CircuitsCommand),
    /// See rate limits and what was used up of them, and forgive it.
    #[command(subcommand, after_help = help::LIMITS)]
    Limits(LimitsCommand),
    /// See what was begun and has not ended.
    #[command(subcommand, after_help = help::INTENTS)]
    Intents(IntentsCommand),
    /// See what was given up on, try it again, or decide that it need not be done.
    #[command(subcommand, after_help = help::DEAD_LETTERS)]
    DeadLetters(DeadLettersCommand),
    /// See agents: decide what they would do, steer them, see what they did and gave up.
    #[command(subcommand, after_help = help::AGENTS)]
    Agents(Box<AgentsCommand>),
    /// Copy everything that a server holds into a new directory, while it goes on.
    #[command(after_help = help::BACKUP)]
    Backup(Box<BackupArgs>),
    /// Make a data directory from a backup.
    #[command(after_help = help::RESTORE)]
    Restore(RestoreArgs),
    /// Read a backup, or a stopped server's data directory, and say whether it is whole.
    #[command(after_help = help::VERIFY)]
    Verify(VerifyArgs),
    /// Make a bearer token, and the entry that lets a server know it.
    #[command(after_help = help::TOKEN)]
    Token(TokenArgs),
    /// Show bounded contexts, their contracts, and how they relate.
    #[command(after_help = help::CONTEXTS)]
    Contexts(ContextsArgs),
    /// Check whether consumers can read what producers write.
    #[command(subcommand, after_help = help::CONTRACTS)]
    Contracts(ContractsCommand),
    /// See and register the schemas of events.
    #[command(subcommand, after_help = help::SCHEMAS)]
    Schemas(SchemasCommand),
    /// Hold values that must be unique, and give them to entities.
    #[command(subcommand, after_help = help::RESERVATIONS)]
    Reservations(ReservationsCommand),
    /// Print the stream id that follows from a business key.
    #[command(after_help = help::STREAM_ID)]
    StreamId(StreamIdArgs),
    /// See and shred people's personal data.
    #[command(subcommand, after_help = help::SUBJECTS)]
    Subjects(SubjectsCommand),
    /// Copy a stopped server's store under other encryption keys, or under none.
    #[command(after_help = help::REKEY)]
    Rekey(RekeyArgs),
    /// Measure the engine on this machine, in process or over HTTP.
    #[command(after_help = help::BENCH)]
    Bench(Box<BenchArgs>),
    /// The server that the benchmark kills.
    #[command(hide = true)]
    BenchSleepers(crate::bench::SleepersArgs),
}

impl Verb {
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
            Self::Subscriptions(command) => command.run(),
            Self::Sagas(command) => command.run(),
            Self::Publications(command) => command.run(),
            Self::ProcessManagers(command) => command.run(),
            Self::Circuits(command) => command.run(),
            Self::Limits(command) => command.run(),
            Self::Intents(command) => command.run(),
            Self::DeadLetters(command) => command.run(),
            Self::Agents(command) => command.run(),
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
