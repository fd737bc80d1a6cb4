//! W5: runs that sleep for an hour. How fast they start, what they cost in memory, and how soon a
//! server that was killed in the middle of it answers again.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::args::Workload;
use super::child::{Answered, Loaded, Phase};
use super::disk::SyncRate;
use super::error::BenchError;
use super::figure::Measured;
use super::subject::Subject;
use super::workflows::Job;

/// How long the server goes on starting sleepers before it is killed.
const BEFORE_KILL: Duration = Duration::from_millis(300);

/// Starts `count` sleepers, `concurrency` at a time; answers how long that took.
pub(super) async fn start_all(
    subject: &Subject,
    count: u64,
    concurrency: usize,
) -> Result<Duration, BenchError> {
    let (taken, job) = (Arc::new(AtomicU64::new(0)), Arc::new(Job::sleep()));
    let from = Instant::now();
    let mut loops = tokio::task::JoinSet::new();
    for _ in 0..concurrency {
        let (taken, job, subject) = (Arc::clone(&taken), Arc::clone(&job), subject.clone());
        loops.spawn(async move {
            while taken.fetch_add(1, Ordering::Relaxed) < count {
                subject.start(&job).await?;
            }
            Ok::<(), BenchError>(())
        });
    }
    while let Some(ended) = loops.join_next().await {
        ended.map_err(|error| BenchError::Failed(error.to_string()))??;
    }
    Ok(from.elapsed())
}

/// Measures a running server: what can be seen from outside without killing it.
pub(super) async fn over_http(
    subject: &Subject,
    concurrency: usize,
    count: u64,
    disk: SyncRate,
) -> Result<Measured, BenchError> {
    let mut measured = Measured::new(Workload::W5, concurrency, true, disk);
    measured.sleepers = Some(count);
    let before = subject.resident_bytes().await?;
    let elapsed = start_all(subject, count, concurrency).await?;
    measured.add("starts_per_s", count as f64 / elapsed.as_secs_f64(), STARTS);
    if let Some(drained) = subject.drained().await? {
        let sustained = count as f64 / (elapsed + drained).as_secs_f64();
        measured.add("sustained_per_s", sustained, SUSTAINED);
    }
    if let (Some(before), Some(after)) = (before, subject.resident_bytes().await?) {
        add_memory(&mut measured, count, before, after);
    }
    Ok(measured)
}

const STARTS: &str = "acknowledged, each durable";
const SUSTAINED: &str = "the same, with the time the store then needed to catch up";

fn add_memory(measured: &mut Measured, count: u64, before: u64, after: u64) {
    measured.add("resident_mb", after as f64 / 1e6, "memory of the server with all of them asleep");
    let each = after.saturating_sub(before) as f64 / count.max(1) as f64;
    measured.add("bytes_per_sleeper", each, "what each one added to it");
}

/// Measures this program as a server of its own process: loaded, killed with SIGKILL while it
/// still starts sleepers, and started again over the same data.
pub(super) fn in_process(
    dir: &Path,
    concurrency: usize,
    count: u64,
    disk: SyncRate,
) -> Result<Measured, BenchError> {
    let mut measured = Measured::new(Workload::W5, concurrency, false, disk);
    measured.sleepers = Some(count);
    let mut server = Server::spawn(dir, Phase::Load { count, concurrency })?;
    let loaded: Loaded = server.answer()?;
    let elapsed = loaded.elapsed_ms / 1000.0;
    measured.add("starts_per_s", count as f64 / elapsed, STARTS);
    let sustained = count as f64 / (elapsed + loaded.drained_ms / 1000.0);
    measured.add("sustained_per_s", sustained, SUSTAINED);
    add_memory(&mut measured, count, loaded.resident_before, loaded.resident_after);
    measured.add(
        "peak_mb",
        loaded.resident_peak as f64 / 1e6,
        "memory at its highest, while loading",
    );
    // It is starting more of them right now.
    std::thread::sleep(BEFORE_KILL);
    server.kill()?;

    let from = Instant::now();
    let mut server = Server::spawn(dir, Phase::Answer)?;
    let answered: Answered = server.answer()?;
    let restarted = from.elapsed();
    server.kill()?;
    measured.add("open_ms", answered.opened_ms, "of that, until the engine was open");
    measured.add(
        "restart_ms",
        restarted.as_secs_f64() * 1000.0,
        "after kill -9, from starting the process to a new answer",
    );
    measured.add(
        "restarted_mb",
        answered.resident as f64 / 1e6,
        "memory of the restarted server at its first answer",
    );
    Ok(measured)
}

/// A child process; killed when it is dropped.
struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Server {
    fn spawn(dir: &Path, phase: Phase) -> Result<Self, BenchError> {
        let program =
            std::env::current_exe().map_err(BenchError::io("find this program's file"))?;
        let mut child = Command::new(program)
            .arg("bench-sleepers")
            .arg("--data")
            .arg(dir)
            .args(phase.arguments())
            // It ends by itself should this process go before it.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(BenchError::io("start this program again as a server"))?;
        let output = child.stdout.take().ok_or_else(|| {
            BenchError::Failed("the started server has no standard output".to_owned())
        })?;
        Ok(Self { child, output: BufReader::new(output) })
    }

    /// The next line that it prints.
    fn answer<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, BenchError> {
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(BenchError::io("read the server's answer"))?;
        serde_json::from_str(&line).map_err(|_| {
            BenchError::Failed(format!("the server said `{}` and no figures", line.trim()))
        })
    }

    fn kill(&mut self) -> Result<(), BenchError> {
        self.child.kill().map_err(BenchError::io("kill the server"))?;
        self.child.wait().map_err(BenchError::io("await the killed server")).map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
