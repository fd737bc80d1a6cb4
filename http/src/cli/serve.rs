//! `serve`: the server with this program's worker.
//!
//! Invariant: stdout gets one line, when the server is ready; whoever started it reads the address
//! there and needs to understand nothing else.

use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use everstep_storage::EmbeddedConfig;
use tracing_subscriber::EnvFilter;

use super::codec::CodecArgs;
use super::logging::log_to_stderr;
use super::remote::{CliError, print_json, server_runtime};
use super::screen::{Colour, Screen};
use super::values;
use crate::access::Tokens;
use crate::server::{Server, ServerConfig, ServerError, shutdown_signal};
use crate::{Clock, Engine, EngineConfig, PayloadLimits, Worker};

/// The flags of `serve`. A program with flags of its own flattens them into its parser and calls
/// [`serve`].
#[derive(Clone, Debug, clap::Args)]
pub struct ServeArgs {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:3837", value_name = "HOST:PORT")]
    pub listen: SocketAddr,
    /// The file of the tokens that are asked for; `token` makes them. Without one everybody is let
    /// in who can reach the server, and it listens on loopback only.
    #[arg(long, env = "EVERSTEP_TOKENS_FILE", value_parser = token_file, value_name = "FILE")]
    pub tokens: Option<Tokens>,
    /// What the token file would hold, for who has an environment and no file.
    #[arg(long, env = "EVERSTEP_TOKENS", hide_env_values = true, value_parser = token_text)]
    #[arg(conflicts_with = "tokens", value_name = "JSON")]
    pub tokens_json: Option<Tokens>,
    /// Listen where other machines can reach it, although nothing asks them who they are.
    #[arg(long)]
    pub allow_remote: bool,
    /// The directory that holds everything durable; made when it is missing.
    #[arg(long, default_value = "./data", value_name = "DIR")]
    pub data: PathBuf,
    /// Where time comes from: the machine, or POST /test/clock/advance.
    #[arg(long, value_enum, default_value_t = ClockKind::System, value_name = "CLOCK")]
    pub clock: ClockKind,
    /// Memory for suspended runs; beyond it, runs that only wait are put out and replayed later.
    #[arg(long, default_value = "256MiB", value_parser = values::bytes, value_name = "SIZE")]
    pub memory_budget: u64,
    /// How long running activities may take to end when the server is told to stop; those that
    /// take longer are made again at the next start.
    #[arg(long, default_value = "10s", value_parser = values::duration, value_name = "DURATION")]
    pub drain_grace: std::time::Duration,
    /// The store's cache for its state file.
    #[arg(long, default_value = "64MiB", value_parser = cache_size, value_name = "SIZE")]
    pub state_cache: usize,
    /// How values rest on disk.
    #[command(flatten)]
    pub codec: CodecArgs,
    /// Show of each value in the inspector only what kind it is and how large, and take the values
    /// out of every export. The rest of the API shows them.
    #[arg(long)]
    pub redact: bool,
    /// The largest input, result, signal or other payload that is taken.
    #[arg(long, default_value = "4MiB", value_parser = payload_size, value_name = "SIZE")]
    pub max_payload_bytes: usize,
    /// The largest payload that stands in its history event; larger ones are kept in rows of their
    /// own, which are read only when somebody wants the value.
    #[arg(long, default_value = "32KiB", value_parser = small_size, value_name = "SIZE")]
    pub max_inline_payload_bytes: usize,
    /// The largest memo of a run.
    #[arg(long, default_value = "64KiB", value_parser = small_size, value_name = "SIZE")]
    pub max_memo_bytes: usize,
    /// How large a run's search attributes may be, their names and values together.
    #[arg(long, default_value = "16KiB", value_parser = small_size, value_name = "SIZE")]
    pub max_search_attributes_bytes: usize,
    /// How much one transaction may write, append, start and signal.
    #[arg(long, default_value = "16MiB", value_parser = payload_size, value_name = "SIZE")]
    pub max_transaction_bytes: usize,
    /// What is logged to stderr: error, warn, info, debug, trace, or per module as in
    /// `info,everstep_engine=debug`.
    #[arg(long, env = "EVERSTEP_LOG", default_value = "info", value_name = "FILTER")]
    #[arg(value_parser = log_filter)]
    pub log: String,
    /// Where spans of runs, turns and activities go: an OTLP collector, by HTTP, such as
    /// `http://127.0.0.1:4318`.
    #[cfg(feature = "otlp")]
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
}

/// The kinds of [`Clock`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ClockKind {
    /// The machine's.
    #[default]
    System,
    /// Stands still until it is advanced over HTTP; for tests.
    Manual,
}

/// A payload of more would not fit into one commit with much else.
const LARGEST_PAYLOAD: usize = 64 << 20;
/// Rows of runs are read by the hundred.
const LARGEST_TAGS: usize = 1 << 20;
/// What surrounds a payload in a request.
const AROUND_PAYLOAD: usize = 64 << 10;

fn payload_size(text: &str) -> Result<usize, String> {
    match cache_size(text)? {
        bytes @ 1_024..=LARGEST_PAYLOAD => Ok(bytes),
        _ => Err("must be between 1KiB and 64MiB".to_owned()),
    }
}

/// A mistake in the file is the command line's.
fn token_file(file: &str) -> Result<Tokens, String> {
    Tokens::read(Path::new(file)).map_err(|error| format!("{file}: {error}"))
}

fn token_text(text: &str) -> Result<Tokens, String> {
    Tokens::parse(text).map_err(|error| error.to_string())
}

/// Memos and search attributes stand in the rows that lists read.
fn small_size(text: &str) -> Result<usize, String> {
    match cache_size(text)? {
        bytes @ 64..=LARGEST_TAGS => Ok(bytes),
        _ => Err("must be between 64 and 1MiB".to_owned()),
    }
}

fn cache_size(text: &str) -> Result<usize, String> {
    usize::try_from(values::bytes(text)?).map_err(|error| error.to_string())
}

/// A mistake in a filter is the command line's, not the server's.
fn log_filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

impl ServeArgs {
    /// The server's settings that these flags ask for.
    pub fn config(&self) -> ServerConfig {
        let clock = match self.clock {
            ClockKind::System => Clock::System,
            ClockKind::Manual => Clock::manual(),
        };
        ServerConfig {
            listen: self.listen,
            allow_remote: self.allow_remote,
            tokens: self.tokens.clone().or_else(|| self.tokens_json.clone()),
            drain_grace: self.drain_grace,
            redact: self.redact,
            engine: EngineConfig {
                clock,
                memory_budget_bytes: self.memory_budget,
                limits: PayloadLimits {
                    payload_bytes: self.max_payload_bytes,
                    inline_payload_bytes: self.max_inline_payload_bytes,
                    memo_bytes: self.max_memo_bytes,
                    search_attributes_bytes: self.max_search_attributes_bytes,
                    transaction_bytes: self.max_transaction_bytes,
                },
                ..EngineConfig::default()
            },
            store: EmbeddedConfig {
                state_cache_bytes: self.state_cache,
                codec: self.codec.codec(),
                ..EmbeddedConfig::default()
            },
            body_limit_bytes: (self.max_payload_bytes + AROUND_PAYLOAD).max(4 << 20),
            ..ServerConfig::new(&self.data)
        }
    }
}

#[cfg(feature = "otlp")]
impl ServeArgs {
    fn exporter(&self) -> Result<Option<crate::server::OtlpExporter>, Ended> {
        let open = |endpoint: &String| {
            crate::server::OtlpExporter::open(endpoint, tokio::runtime::Handle::current())
        };
        let exporter = self.otlp_endpoint.as_ref().filter(|endpoint| !endpoint.is_empty());
        let opened = exporter.map(open).transpose();
        opened.map_err(|error| Ended::Output(CliError::Failed(error.to_string())))
    }
}

/// Serves the worker until SIGTERM or SIGINT, then drains.
#[must_use]
pub fn serve(worker: Worker, args: &ServeArgs) -> ExitCode {
    serve_beside(worker, args, |_| std::future::pending())
}

/// A server that is ready, as seen by what runs beside it.
#[derive(Clone, Debug)]
pub struct Serving {
    /// Its address, such as `http://127.0.0.1:3837`.
    pub url: String,
    /// The engine behind it.
    pub engine: Engine,
}

/// Serves the worker with something of the program's own beside it, which begins when the server
/// is ready and is dropped when it drains.
#[must_use]
pub fn serve_beside<F>(
    worker: Worker,
    args: &ServeArgs,
    beside: impl FnOnce(Serving) -> F,
) -> ExitCode
where
    F: Future<Output = ()> + Send + 'static,
{
    log_to_stderr(&args.log);
    let done = server_runtime().and_then(|runtime| {
        runtime.block_on(async {
            run(worker, args, beside).await.map_err(|error| match error {
                Ended::Server(error) => CliError::Failed(error.to_string()),
                Ended::Output(error) => error,
            })
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(false),
    }
}

/// Why it ended without being asked to.
enum Ended {
    Server(ServerError),
    Output(CliError),
}

impl From<ServerError> for Ended {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}

async fn run<F>(
    worker: Worker,
    args: &ServeArgs,
    beside: impl FnOnce(Serving) -> F,
) -> Result<(), Ended>
where
    F: Future<Output = ()> + Send + 'static,
{
    // From here on a signal ends it in order, before it is ready too.
    let shutdown = shutdown_signal()?;
    let types = worker.workflow_types().count();
    #[cfg_attr(not(feature = "otlp"), expect(unused_mut, reason = "only spans change it"))]
    let mut config = args.config();
    #[cfg(feature = "otlp")]
    let exporter = args.exporter()?;
    #[cfg(feature = "otlp")]
    if let Some(exporter) = &exporter {
        config.engine.spans = Some(std::sync::Arc::new(exporter.clone()));
    }
    let server = Server::open(worker, config).await?;
    let url = server.url();
    print_json(&serde_json::json!({ "listening": &url })).map_err(Ended::Output)?;
    welcome(&url, args, types);
    let serving = Serving { url, engine: server.engine().clone() };
    let beside = tokio::spawn(beside(serving));
    let shutdown = async {
        shutdown.await;
        beside.abort();
        tracing::info!("draining");
    };
    let ended = server.run(shutdown).await;
    #[cfg(feature = "otlp")]
    if let Some(exporter) = exporter {
        // Waits for the collector, which must not hold up the runtime that sends to it.
        let _ = tokio::task::spawn_blocking(move || exporter.close()).await;
    }
    Ok(ended?)
}

/// For people, on stderr.
fn welcome(url: &str, args: &ServeArgs, types: usize) {
    let screen = Screen::stderr();
    let name = screen.paint(Colour::Strong, "everstep");
    let data = args.data.display();
    let inspector = screen.paint(Colour::Running, &format!("{url}/"));
    let clock = match args.clock {
        ClockKind::System => "",
        ClockKind::Manual => "\n  clock      manual: POST /test/clock/advance moves it",
    };
    let text = format!(
        "\n  {name} {} serves {types} workflow types\n\n  inspector  {inspector}\n  api        \
         {url}/api/v1/workflows\n  data       {data}{clock}\n",
        env!("CARGO_PKG_VERSION"),
    );
    // A server without a terminal serves all the same.
    let _ = writeln!(std::io::stderr(), "{text}");
}
