//! A worker's binary as a real process.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use super::Api;

/// More than any start may take on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    // Kept open, so that the process never writes to a closed pipe.
    _stdout: BufReader<ChildStdout>,
    url: String,
    ready_in: Duration,
}

impl Server {
    /// Starts `binary` with `args`, on a free port unless they name one, and waits until it says that it serves. What it
    /// says on stderr goes to `data`.log, after what earlier processes said.
    pub(crate) async fn start(binary: &str, data: &Path, args: &[&str]) -> Self {
        let started = Self::start_within(binary, data, args, START_TIMEOUT).await;
        started.unwrap_or_else(|| {
            let log = std::fs::read_to_string(data.with_extension("log")).unwrap_or_default();
            panic!("{binary} did not become ready within {START_TIMEOUT:?}:\n{log}")
        })
    }

    /// The same, but kills a process that is not ready in time.
    pub(crate) async fn start_within(
        binary: &str,
        data: &Path,
        args: &[&str],
        limit: Duration,
    ) -> Option<Self> {
        let log = data.with_extension("log");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        let begun = Instant::now();
        let mut child = Command::new(binary)
            .args(args)
            .args(if args.contains(&"--listen") { &[][..] } else { &["--listen", "127.0.0.1:0"] })
            .arg("--data")
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let ready = tokio::time::timeout(limit, stdout.read_line(&mut line)).await;
        if !matches!(ready, Ok(Ok(length)) if length > 0) {
            child.kill().await.unwrap();
            return None;
        }
        let ready_in = begun.elapsed();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let url = ready["listening"].as_str().unwrap().to_owned();
        Some(Self { child, _stdout: stdout, url, ready_in })
    }

    pub(crate) fn api(&self) -> Api {
        Api::new(&self.url)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Bytes of memory that the process holds now.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id().unwrap());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
    }

    /// From the start of the process to the line that says that it serves.
    pub(crate) fn ready_in(&self) -> Duration {
        self.ready_in
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM, and wait for the end.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        let pid = self.child.id().unwrap().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().await.unwrap();
        assert!(told.success());
        tokio::time::timeout(Duration::from_secs(60), self.child.wait()).await.unwrap().unwrap()
    }
}
