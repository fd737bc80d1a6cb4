//! One cell: a workload with so many in flight, measured once.

use std::time::Duration;

use super::args::Workload;
use super::disk::SyncRate;
use super::error::BenchError;
use super::figure::Measured;
use super::load::{Load, closed_loops};
use super::subject::Subject;
use super::workflows::{Job, WIDTH};

const P50: &str = "half of them took at most this";
const P99: &str = "99 of 100 took at most this";
const CPU_STEP: &str = "processor time of client, engine and store for each step";
const CPU_CYCLE: &str = "processor time of client, engine and store for each workflow";
/// Steps of W2.
const STEPS: u32 = 10;
const SUSTAINED: &str = "the same, with the time the store then needed to catch up";

/// Measures W1, W2, W3 or W4 against a subject that is ready.
pub(super) async fn measure(
    subject: &Subject,
    (workload, concurrency): (Workload, usize),
    length: Duration,
    disk: SyncRate,
) -> Result<Measured, BenchError> {
    let over_http = matches!(subject, Subject::Server(_));
    let mut measured = Measured::new(workload, concurrency, over_http, disk);
    let job = match workload {
        Workload::W1 => Job::chain(1),
        Workload::W2 => Job::chain(STEPS),
        Workload::W3 => subject.waiting_job(),
        Workload::W4 => Job::fan_out(),
        _ => Job::sleep(),
    };
    let mut load = run(subject, workload, concurrency, length, job).await?;
    let (p50, p99) = (load.latencies.percentile_ms(0.5), load.latencies.percentile_ms(0.99));
    let rate = load.rate();
    let drained = subject.drained().await?;
    let sustained =
        drained.map(|drained| load.latencies.len() as f64 / (load.elapsed + drained).as_secs_f64());
    let (cycles, meaning) = match workload {
        Workload::W3 => ("cycles_per_s", "started, signalled and answered, each durable"),
        Workload::W5 => ("starts_per_s", "acknowledged, each durable"),
        _ => ("workflows_per_s", "started and answered, each durable"),
    };
    measured.add(cycles, rate, meaning);
    if let Some(sustained) = sustained {
        measured.add("sustained_per_s", sustained, SUSTAINED);
    }
    let steps = match workload {
        Workload::W2 => STEPS.into(),
        Workload::W4 => WIDTH as f64,
        _ => 1.0,
    };
    if steps > 1.0 {
        measured.add("steps_per_s", rate * steps, "the same, counted in steps");
    }
    if !over_http {
        let each = load.cpu_us() / steps;
        let (name, meaning) = match workload {
            Workload::W2 | Workload::W4 => ("cpu_us_per_step", CPU_STEP),
            _ => ("cpu_us_per_cycle", CPU_CYCLE),
        };
        measured.add(name, each, meaning);
    }
    let (p50_meaning, p99_meaning) = match workload {
        Workload::W3 => ("from sending the signal to the result: half of them", P99),
        Workload::W4 => ("start to join, 1,000 steps: half of them took at most this", P99),
        _ => (P50, P99),
    };
    measured.add("p50_ms", p50, p50_meaning);
    measured.add("p99_ms", p99, p99_meaning);
    Ok(measured)
}

async fn run(
    subject: &Subject,
    workload: Workload,
    concurrency: usize,
    length: Duration,
    job: Job,
) -> Result<Load, BenchError> {
    let subject = subject.clone();
    let job = std::sync::Arc::new(job);
    let cycle = move || {
        let (subject, job) = (subject.clone(), std::sync::Arc::clone(&job));
        async move {
            match workload {
                Workload::W3 => subject.signal(&job).await,
                Workload::W5 => subject.start(&job).await,
                _ => subject.complete(&job).await,
            }
        }
    };
    closed_loops(concurrency, length, cycle).await
}
