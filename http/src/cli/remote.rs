//! Commands that speak to a running server: where it is, how its answers and refusals are printed.

use std::future::Future;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use serde::Serialize;

use super::screen::{Colour, Screen, printable};
use crate::client::{Client, ClientError, Problem};
use crate::{DEFAULT_NAMESPACE, RunId, Selector};

/// Where a server listens when nothing else is said.
pub(super) const DEFAULT_URL: &str = "http://127.0.0.1:3837";

/// Where the server is, and how to answer.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RemoteArgs {
    /// The server's address.
    #[arg(long, env = "EVERSTEP_URL", default_value = DEFAULT_URL, value_name = "URL")]
    url: String,
    /// The namespace of the runs.
    #[arg(long, env = "EVERSTEP_NAMESPACE", default_value = DEFAULT_NAMESPACE, value_name = "NAME")]
    namespace: String,
    /// The token that says who asks, where the server wants to know.
    #[arg(long, env = "EVERSTEP_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,
    /// Print one JSON document instead of text; refusals as problem JSON on stderr.
    #[arg(long)]
    pub(super) json: bool,
}

/// Which run.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RunArgs {
    /// The workflow's id.
    #[arg(value_name = "WORKFLOW_ID")]
    workflow_id: String,
    /// One run of it; the newest where none is named.
    #[arg(long, value_name = "RUN_ID")]
    run_id: Option<RunId>,
}

impl RunArgs {
    pub(super) fn selector(&self) -> Selector {
        Selector { run_id: self.run_id, ..Selector::newest(&self.workflow_id) }
    }

    pub(super) fn workflow_id(&self) -> String {
        printable(&self.workflow_id)
    }
}

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The server, or the way to it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nobody reads the output, or the terminal failed.
    #[error("failed to write the output: {0}")]
    Output(#[from] std::io::Error),
    /// Something else, in words.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    fn to_problem(&self) -> Problem {
        match self {
            Self::Client(error) => error.to_problem(),
            other => Problem {
                kind: "about:blank".to_owned(),
                title: "failed".to_owned(),
                status: 0,
                detail: other.to_string(),
                code: "failed".to_owned(),
                more: serde_json::Map::new(),
            },
        }
    }

    /// Says on stderr what went wrong, as text or as a problem document.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        if let Self::Output(error) = self
            && error.kind() == ErrorKind::BrokenPipe
        {
            // Whoever read the output has seen enough.
            return ExitCode::SUCCESS;
        }
        let text = if json {
            serde_json::to_string(&self.to_problem()).unwrap_or_else(|_| self.to_string())
        } else {
            let word = Screen::stderr().paint(Colour::Failed, "error");
            format!("{word}: {}", printable(&self.to_string()))
        };
        // Nothing is left to say where stderr is closed too.
        let _ = writeln!(std::io::stderr(), "{text}");
        ExitCode::FAILURE
    }
}

/// A client's: two workers, since the work is the server's.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    started(tokio::runtime::Builder::new_multi_thread().worker_threads(2))
}

/// A server's: a worker a processor, or as many as `TOKIO_WORKER_THREADS` says.
pub(super) fn server_runtime() -> Result<tokio::runtime::Runtime, CliError> {
    started(&mut tokio::runtime::Builder::new_multi_thread())
}

fn started(builder: &mut tokio::runtime::Builder) -> Result<tokio::runtime::Runtime, CliError> {
    prefer_small_pages();
    let started = builder.enable_all().build();
    started.map_err(|error| CliError::Failed(format!("failed to start the async runtime: {error}")))
}

/// Takes memory by the 4 KiB. Allocators ask for huge pages, and the kernel clears 2 MiB where a
/// turn writes a few hundred KiB: without them starts are a fifth faster and sleepers a tenth
/// smaller.
fn prefer_small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "huge pages stay");
    }
}

impl RemoteArgs {
    /// Runs a command against the server and reports how it ended.
    pub(super) fn run<F>(&self, command: impl FnOnce(Client) -> F) -> ExitCode
    where
        F: Future<Output = Result<ExitCode, CliError>>,
    {
        let done = Client::new(&self.url)
            .map_err(CliError::from)
            .map(|client| client.in_namespace(&self.namespace))
            .and_then(|client| match &self.token {
                Some(token) => Ok(client.with_token(token)?),
                None => Ok(client),
            })
            .and_then(|client| runtime()?.block_on(command(client)));
        done.unwrap_or_else(|error| error.report(self.json))
    }
}

impl RemoteArgs {
    /// Prints what was answered: the document itself, or what a person reads.
    pub(super) fn told(
        &self,
        document: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<ExitCode, CliError> {
        match self.json {
            true => print_json(document)?,
            false => print(&text())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Page after page of a list, from `ask`, which takes a page's token and answers its items and the
/// next one's; at most `most` items, to the end of a page.
pub(super) async fn pages<T>(
    most: usize,
    mut ask: impl AsyncFnMut(Option<String>) -> Result<(Vec<T>, Option<String>), ClientError>,
) -> Result<Vec<T>, ClientError> {
    let (mut after, mut all) = (None, Vec::new());
    while all.len() < most {
        let (items, next) = ask(after).await?;
        all.extend(items);
        if next.is_none() {
            break;
        }
        after = next;
    }
    Ok(all)
}

/// Prints text to stdout.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        stdout.write_all(b"\n")?;
    }
    Ok(stdout.flush()?)
}

/// Prints one JSON document to stdout.
pub(crate) fn print_json(document: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string(document)
        .map_err(|error| CliError::Failed(format!("answer without a JSON form: {error}")))?;
    print(&text)
}
