//! E6 in process: from the acknowledgement of an append to each subscriber's reading of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::super::error::BenchError;
use super::super::figure::Measured;
use super::super::load::Samples;
use super::super::subject::Subject;
use super::source::{Source, Writer};
use crate::log::Direction;
use crate::{DEFAULT_NAMESPACE, Rejection};

/// Events whose way to the subscribers is measured.
const DELIVERED: u64 = 300;
/// Between two events: the way of each is measured, not a queue.
const PAUSE: Duration = Duration::from_millis(5);

/// Appends events one by one and measures when each subscriber has read them.
pub(super) async fn measure(
    source: &Source,
    subscribers: usize,
    measured: &mut Measured,
) -> Result<(), BenchError> {
    let Subject::Engine(engine) = &source.subject else {
        return Err(BenchError::Failed("these subscribers read in process".into()));
    };
    let mut following = JoinSet::new();
    let ready = Arc::new(tokio::sync::Barrier::new(subscribers + 1));
    for _ in 0..subscribers {
        let (engine, ready) = (engine.clone(), Arc::clone(&ready));
        following.spawn(async move {
            let mut news = engine.follow_log(DEFAULT_NAMESPACE)?;
            ready.wait().await;
            let (mut position, mut times) = (0, Vec::new());
            while position < DELIVERED {
                news.mark_unchanged();
                let log = engine.log(DEFAULT_NAMESPACE)?;
                let page = log.reader().events(position + 1, Direction::Forwards, 100)?;
                for event in &page {
                    position = event.position();
                    times.push(Instant::now());
                }
                if page.is_empty() && news.changed().await.is_err() {
                    break;
                }
            }
            Ok::<_, Rejection>(times)
        });
    }
    ready.wait().await;
    let mut writer = Writer::new(source, 1);
    let mut acknowledged = Vec::new();
    for _ in 0..DELIVERED {
        writer.append().await?;
        acknowledged.push(Instant::now());
        tokio::time::sleep(PAUSE).await;
    }
    let mut samples = Samples::default();
    while let Some(times) = following.join_next().await {
        let times = times.map_err(|error| BenchError::Failed(error.to_string()))??;
        for (seen, known) in times.iter().zip(&acknowledged) {
            samples.add(seen.saturating_duration_since(*known));
        }
    }
    let meaning = "acknowledged to delivered: half of them took at most this";
    measured.add("delivered_p50_ms", samples.percentile_ms(0.5), meaning);
    measured.add("delivered_p99_ms", samples.percentile_ms(0.99), "99 of 100 took at most this");
    Ok(())
}
