//! Log lines on stderr: each says whose code wrote it.

use std::fmt;
use std::io::IsTerminal;

use everstep_engine::with_run_fields;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};

/// Logs to stderr what the filter lets pass.
pub(super) fn log_to_stderr(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let installed = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .fmt_fields(WithRun)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
    if installed.is_err() {
        // The program that called us logs in its own way.
        tracing::debug!("a subscriber is installed already");
    }
}

/// Fields as usual, and after them the run whose code has the word.
struct WithRun;

impl<'writer> FormatFields<'writer> for WithRun {
    fn format_fields<R: RecordFields>(
        &self,
        mut writer: Writer<'writer>,
        fields: R,
    ) -> fmt::Result {
        DefaultFields::new().format_fields(writer.by_ref(), fields)?;
        with_run_fields(|run| run.map_or(Ok(()), |run| write!(writer, " {run}")))
    }
}
