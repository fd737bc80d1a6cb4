//! The conformance worker, driven from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod attempts;
mod clock;
mod codec;
mod large;
mod limits;
mod middle;
mod recovery;
mod relations;
mod replay;
mod requests;
mod schedules;
mod subscriptions;
mod updates;
mod workflows;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use support::{Api, Server};

/// A worker with a data directory of its own.
struct Worker {
    dir: TempDir,
    args: &'static [&'static str],
    server: Server,
}

impl Worker {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with_manual_clock() -> Self {
        Self::with(&["--clock", "manual"]).await
    }

    async fn with(args: &'static [&'static str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = start(&dir, args).await;
        Self { dir, args, server }
    }

    fn api(&self) -> Api {
        self.server.api()
    }

    /// `kill -9`, and a new process on the same data.
    async fn crash(self) -> Self {
        let Self { dir, args, server } = self;
        server.kill().await;
        let server = start(&dir, args).await;
        Self { dir, args, server }
    }

    /// SIGTERM, and a new process on the same data.
    async fn stop_and_start(self) -> Self {
        let Self { dir, args, server } = self;
        assert!(server.stop().await.success());
        let server = start(&dir, args).await;
        Self { dir, args, server }
    }

    /// `kill -9`, and two new processes, each on a copy of the data.
    async fn split(self) -> (Self, Self) {
        let Self { dir, args, server } = self;
        server.kill().await;
        let copy = tempfile::tempdir().unwrap();
        copy_dir(dir.path(), copy.path());
        let (server, other) = (start(&dir, args).await, start(&copy, args).await);
        (Self { dir, args, server }, Self { dir: copy, args, server: other })
    }

    /// The lines of a witness file; none when there is no such file.
    fn witnessed(&self, file: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.witness_path(file)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn witness_path(&self, file: &str) -> PathBuf {
        self.dir.path().join("data/witness").join(file)
    }
}

async fn start(dir: &TempDir, args: &[&str]) -> Server {
    Server::start(env!("CARGO_BIN_EXE_conformance"), &dir.path().join("data"), args).await
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
