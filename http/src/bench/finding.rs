//! W8: very many closed runs and some open ones. What it costs to list them, to filter the list,
//! and to count.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::args::Workload;
use super::disk::SyncRate;
use super::error::BenchError;
use super::figure::Measured;
use super::load::Samples;
use super::run::progress;
use super::subject::Subject;
use super::workflows::Job;
use crate::{
    AttributeRange, Engine, EngineConfig, GroupBy, ListFilter, ListOrder, Payload, RunStatus,
    StartRequest,
};

/// One open run for so many closed ones.
const CLOSED_PER_OPEN: u64 = 100;
/// Runs that are started at a time.
const STARTED_AT_ONCE: u64 = 512;
/// A customer has about a thousand runs, however many there are.
const RUNS_A_CUSTOMER: u64 = 1_000;
/// So many amounts there are.
const AMOUNTS: u64 = 10_000;
/// How often each request is made, with other values each time.
const REQUESTS: u64 = 300;
const PAGE: usize = 50;

/// Loads `count` closed runs and a hundredth of open ones, and measures requests.
pub(super) async fn in_process(
    dir: &Path,
    runtime: &tokio::runtime::Handle,
    count: u64,
    disk: SyncRate,
) -> Result<Measured, BenchError> {
    let mut measured = Measured::new(Workload::W8, 1, false, disk);
    let subject = Subject::open(dir, runtime, EngineConfig::default().memory_budget_bytes)?;
    let Subject::Engine(engine) = &subject else {
        return Err(BenchError::Failed("w8 measures in process only".into()));
    };
    let from = Instant::now();
    load(engine, count).await?;
    let loaded = count as f64 / from.elapsed().as_secs_f64();
    measured.add("runs_per_s", loaded, "started and closed with two search attributes, durable");
    let drained = subject.drained().await?;
    measured.add("drain_s", drained.unwrap_or_default().as_secs_f64(), "then, in the store");
    let all = ListFilter::of(crate::DEFAULT_NAMESPACE);
    measured.add("runs", engine.count(&all, None)?.count as f64, "as the counters say");

    let mut list = Samples::default();
    let mut filter = Samples::default();
    let mut counts = Samples::default();
    for number in 0..REQUESTS {
        let customer = format!("c{}", number * 7_919 % (count / RUNS_A_CUSTOMER).max(1));
        let amount = number * 104_729 % AMOUNTS;
        lists(engine, &all, number, &mut list)?;
        filters(engine, &all, &customer, amount, &mut filter)?;
        counted(engine, &all, &customer, &mut counts)?;
    }
    for (name, p99_name, samples, what) in [
        ("list_p50_ms", "list_p99_ms", &mut list, "pages of 50, five orders, from anywhere"),
        ("filter_p50_ms", "filter_p99_ms", &mut filter, "pages of 50, eight filters"),
        ("count_p50_ms", "count_p99_ms", &mut counts, "counts by five groups and filters"),
    ] {
        measured.add(name, samples.percentile_ms(0.5), what);
        measured.add(p99_name, samples.percentile_ms(0.99), what);
    }
    let mut all = [list, filter, counts];
    let slowest = all.iter_mut().map(|samples| samples.percentile_ms(1.0)).fold(0.0, f64::max);
    measured.add("slowest_ms", slowest, "the slowest request of all");
    subject.close().await;
    Ok(measured)
}

fn timed<T>(
    samples: &mut Samples,
    read: impl FnOnce() -> Result<T, crate::Rejection>,
) -> Result<T, BenchError> {
    let from = Instant::now();
    let answer = read()?;
    samples.add(from.elapsed());
    Ok(answer)
}

fn lists(
    engine: &Engine,
    all: &ListFilter,
    number: u64,
    samples: &mut Samples,
) -> Result<(), BenchError> {
    let orders = ["-started_at", "started_at", "-closed_at", "closed_at", "-attr.amount"];
    let order = orders[usize::try_from(number).unwrap_or(0) % orders.len()];
    let order: ListOrder = order.parse()?;
    let mut token = None;
    for _ in 0..3 {
        let page = timed(samples, || engine.list_in_order(all, &order, PAGE, token.as_deref()))?;
        if page.partial {
            return Err(BenchError::Failed(format!("a page by {order} is partial")));
        }
        token = page.next_page_token;
    }
    Ok(())
}

fn filters(
    engine: &Engine,
    all: &ListFilter,
    customer: &str,
    amount: u64,
    samples: &mut Samples,
) -> Result<(), BenchError> {
    let of_customer = |filter: &mut ListFilter| {
        filter.attributes.insert("customer".into(), customer.into());
    };
    let between = |filter: &mut ListFilter| {
        let (min, max) = (Some(amount.to_string()), Some((amount + 20).to_string()));
        filter.ranges.insert("amount".into(), AttributeRange { min, max, prefix: None });
    };
    let status = |filter: &mut ListFilter, status| filter.status = Some(status);
    let of_type = |filter: &mut ListFilter, name: &str| filter.workflow_type = Some(name.into());
    let filters: [&dyn Fn(&mut ListFilter); 8] = [
        &of_customer,
        &between,
        &|filter| status(filter, RunStatus::Running),
        &|filter| status(filter, RunStatus::Completed),
        &|filter| of_type(filter, "fan_out"),
        &|filter| {
            of_customer(filter);
            status(filter, RunStatus::Completed);
        },
        &|filter| {
            of_customer(filter);
            of_type(filter, "fan_out");
        },
        &|filter| {
            of_customer(filter);
            between(filter);
        },
    ];
    for set in filters {
        let mut filter = all.clone();
        set(&mut filter);
        let page = timed(samples, || engine.list(&filter, PAGE, None))?;
        if page.partial {
            return Err(BenchError::Failed(format!("a page is partial: {filter:?}")));
        }
    }
    Ok(())
}

fn counted(
    engine: &Engine,
    all: &ListFilter,
    customer: &str,
    samples: &mut Samples,
) -> Result<(), BenchError> {
    let mut of_customer = all.clone();
    of_customer.attributes.insert("customer".into(), customer.into());
    let mut of_both = of_customer.clone();
    of_both.workflow_type = Some("fan_out".into());
    let requests = [
        (all, Some(GroupBy::Status)),
        (all, Some(GroupBy::Type)),
        (all, Some(GroupBy::Attribute("customer".into()))),
        (&of_customer, None),
        (&of_both, Some(GroupBy::Status)),
    ];
    for (filter, group_by) in requests {
        timed(samples, || engine.count(filter, group_by.as_ref()))?;
    }
    Ok(())
}

/// Starts all runs through the engine's own requests; the open ones lie between the others.
async fn load(engine: &Engine, count: u64) -> Result<(), BenchError> {
    let mut starters = JoinSet::new();
    for first in 0..STARTED_AT_ONCE {
        let engine = engine.clone();
        starters.spawn(async move {
            let mut number = first;
            while number < count {
                let job = if number % 10 == 0 { Job::fan_out_of(0) } else { Job::chain(0) };
                engine.start(request(job, number, count)).await?;
                if number.is_multiple_of(CLOSED_PER_OPEN) {
                    engine.start(request(Job::sleep(), number, count)).await?;
                }
                number += STARTED_AT_ONCE;
            }
            Ok::<(), crate::Rejection>(())
        });
    }
    let mut next = Instant::now() + Duration::from_secs(5);
    loop {
        match tokio::time::timeout_at(next.into(), starters.join_next()).await {
            Ok(None) => return Ok(()),
            Ok(Some(ended)) => {
                ended.map_err(|error| BenchError::Failed(error.to_string()))??;
            }
            Err(_) => {
                let stats = engine.stats();
                progress(&format!("      {} of {count} runs closed …", stats.runs_closed));
                next += Duration::from_secs(5);
            }
        }
    }
}

fn request(job: Job, number: u64, count: u64) -> StartRequest {
    let mut request = StartRequest::new(job.workflow_type, job.input);
    let customers = (count / RUNS_A_CUSTOMER).max(1);
    let customer = Payload::from_value(&format!("c{}", number % customers)).unwrap_or_default();
    let amount = Payload::from_value(&(number * 7_919 % AMOUNTS)).unwrap_or_default();
    request.search_attributes.insert("customer".into(), customer);
    request.search_attributes.insert("amount".into(), amount);
    request
}
