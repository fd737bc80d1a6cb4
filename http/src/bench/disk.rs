//! The disk itself: how often a second one append is made durable, with nothing else around it.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::error::BenchError;
use super::load::Samples;

/// One append of a page, as a small commit makes it.
const APPEND_BYTES: usize = 4096;
/// Faster than any disk with a sync that is one: the directory is in memory, or the sync is a lie.
const IMPLAUSIBLE_PER_S: f64 = 60_000.0;

/// What a disk can do.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct SyncRate {
    /// Appends of 4 KiB with fdatasync, a second.
    pub(super) syncs_per_s: f64,
    /// Median of one, in milliseconds.
    pub(super) p50_ms: f64,
}

impl SyncRate {
    /// Measures for about `length` in `dir`.
    pub(super) fn measure(dir: &Path, length: Duration) -> Result<Self, BenchError> {
        let path = dir.join("sync-rate");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&path)
            .map_err(BenchError::io("make a file for the disk's sync rate"))?;
        let page = [0x5a; APPEND_BYTES];
        let mut samples = Samples::default();
        let started = Instant::now();
        while started.elapsed() < length {
            let from = Instant::now();
            file.write_all(&page)
                .and_then(|()| file.sync_data())
                .map_err(BenchError::io("sync the file for the disk's sync rate"))?;
            samples.add(from.elapsed());
        }
        let elapsed = started.elapsed().as_secs_f64();
        let syncs_per_s = samples.len() as f64 / elapsed;
        std::fs::remove_file(&path)
            .map_err(BenchError::io("remove the file for the disk's sync rate"))?;
        Ok(Self { syncs_per_s, p50_ms: samples.percentile_ms(0.5) })
    }

    /// Whether this may be a disk at all.
    pub(super) fn is_plausible(self) -> bool {
        self.syncs_per_s < IMPLAUSIBLE_PER_S
    }
}

/// A directory that is removed when it is dropped.
#[derive(Debug)]
pub(super) struct ScratchDir(PathBuf);

impl ScratchDir {
    /// Makes a directory of its own below `parent`.
    pub(super) fn new(parent: &Path, name: &str) -> Result<Self, BenchError> {
        let since =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let unique = format!("{name}-{}-{}", std::process::id(), since.as_nanos());
        let path = parent.join(unique);
        std::fs::create_dir_all(&path).map_err(BenchError::io("make a directory for the data"))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(dir = %self.0.display(), %error, "failed to remove the benchmark's data");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_and_leaves_nothing_behind() {
        let dir = ScratchDir::new(&std::env::temp_dir(), "everstep-disk-test").unwrap();
        let rate = SyncRate::measure(dir.path(), Duration::from_millis(20)).unwrap();
        assert!(rate.syncs_per_s > 0.0 && rate.p50_ms > 0.0, "{rate:?}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let path = dir.path().to_owned();
        drop(dir);
        assert!(!path.exists());
    }
}
