//! Closed loops: start, await, repeat; and what they took.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::error::BenchError;
use super::process::cpu_time;

/// Every duration that was measured; percentiles are exact.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples(Vec<u64>);

impl Samples {
    pub(super) fn add(&mut self, duration: Duration) {
        self.0.push(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn merge(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// The smallest duration that at least `share` of the samples do not exceed, in milliseconds;
    /// 0 without samples.
    pub(super) fn percentile_ms(&mut self, share: f64) -> f64 {
        let Some(last) = self.0.len().checked_sub(1) else { return 0.0 };
        let rank = (share * self.0.len() as f64).ceil() as usize;
        let (_, nanos, _) = self.0.select_nth_unstable(rank.saturating_sub(1).min(last));
        *nanos as f64 / 1e6
    }
}

/// What a load came to.
#[derive(Debug)]
pub(super) struct Load {
    /// One for each cycle.
    pub(super) latencies: Samples,
    /// From the first start to the last answer.
    pub(super) elapsed: Duration,
    /// Processor time of this whole process meanwhile.
    pub(super) cpu: Duration,
}

impl Load {
    /// Cycles a second.
    pub(super) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// Processor time for each cycle, in microseconds.
    pub(super) fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.latencies.len().max(1) as f64
    }
}

/// Runs `concurrency` loops side by side until `length` has passed; each finishes the cycle it is
/// in. `cycle` answers what it took, which is its latency.
pub(super) async fn closed_loops<C, F>(
    concurrency: usize,
    length: Duration,
    cycle: C,
) -> Result<Load, BenchError>
where
    C: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Duration, BenchError>> + Send + 'static,
{
    loops_of(concurrency, length, || cycle.clone()).await
}

/// The same, with a cycle of its own for each loop.
pub(super) async fn loops_of<C, F>(
    concurrency: usize,
    length: Duration,
    new_cycle: impl Fn() -> C,
) -> Result<Load, BenchError>
where
    C: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = Result<Duration, BenchError>> + Send + 'static,
{
    let stop = Arc::new(AtomicBool::new(false));
    let (started, cpu_before) = (Instant::now(), cpu_time());
    let mut loops = JoinSet::new();
    for _ in 0..concurrency {
        let (stop, cycle) = (Arc::clone(&stop), new_cycle());
        loops.spawn(async move {
            let mut samples = Samples::default();
            while !stop.load(Ordering::Relaxed) && started.elapsed() < length {
                match cycle().await {
                    Ok(took) => samples.add(took),
                    Err(error) => {
                        stop.store(true, Ordering::Relaxed);
                        return Err(error);
                    }
                }
            }
            Ok(samples)
        });
    }
    let mut latencies = Samples::default();
    let mut failed = None;
    while let Some(ended) = loops.join_next().await {
        match ended {
            Ok(Ok(samples)) => latencies.merge(&samples),
            Ok(Err(error)) => failed = failed.or(Some(error)),
            Err(error) => failed = failed.or(Some(BenchError::Failed(error.to_string()))),
        }
    }
    match failed {
        Some(error) => Err(error),
        None => {
            let cpu = cpu_time().saturating_sub(cpu_before);
            Ok(Load { latencies, elapsed: started.elapsed(), cpu })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact() {
        let mut samples = Samples::default();
        assert_eq!(samples.percentile_ms(0.5), 0.0);
        for ms in (1..=100).rev() {
            samples.add(Duration::from_millis(ms));
        }
        assert_eq!(samples.percentile_ms(0.5), 50.0);
        assert_eq!(samples.percentile_ms(0.99), 99.0);
        assert_eq!(samples.percentile_ms(1.0), 100.0);
    }

    #[tokio::test]
    async fn the_first_error_stops_every_loop() {
        let failed = closed_loops(8, Duration::from_secs(3600), || async {
            tokio::task::yield_now().await;
            Err(BenchError::Failed("no".to_owned()))
        });
        assert_eq!(failed.await.unwrap_err().to_string(), "no");
    }
}
