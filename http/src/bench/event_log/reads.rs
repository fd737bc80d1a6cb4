//! E4: reads by tag and in full.

use std::time::{Duration, Instant};

use super::super::error::BenchError;
use super::super::figure::Measured;
use super::super::load::Samples;
use super::super::subject::Subject;
use super::source::{GROUPS, group};
use crate::client::EventFilter;
use crate::log::{Direction, Query, RecordedEvent};
use crate::{DEFAULT_NAMESPACE, Rejection};

/// A page of a full read.
const PAGE: usize = 1_000;
/// The most that is read by tag at once.
const MOST: usize = 1_000;
/// Walks through the groups in no order; prime to their number.
const STRIDE: u64 = 7_919;

/// Reads groups for so long, and then everything.
pub(super) async fn measure(
    subject: &Subject,
    length: Duration,
    measured: &mut Measured,
) -> Result<(), BenchError> {
    let (mut by_tag, mut events) = (Samples::default(), 0);
    let from = Instant::now();
    for number in 1.. {
        let began = Instant::now();
        events += read_group(subject, number * STRIDE % GROUPS).await?;
        by_tag.add(began.elapsed());
        if from.elapsed() >= length {
            break;
        }
    }
    let reads = by_tag.len() as f64;
    if events == 0 {
        return Err(BenchError::Failed("the groups are empty".into()));
    }
    let rate = reads / from.elapsed().as_secs_f64();
    measured.add("tag_reads_per_s", rate, "all events of one tag, by one reader");
    measured.add("events_per_read", events as f64 / reads, "which lie apart in the log");
    measured.add("tag_read_p99_ms", by_tag.percentile_ms(0.99), "99 of 100 took at most this");
    let (began, mut position, mut bytes) = (Instant::now(), 0, 0);
    while let Some((last, read)) = read_page(subject, position).await? {
        (position, bytes) = (last, bytes + read);
    }
    let rate = position as f64 / began.elapsed().as_secs_f64();
    measured.add("full_read_events_per_s", rate, "every event, in pages of 1,000");
    measured.add("full_read_mb_per_s", bytes as f64 / 1e6 / began.elapsed().as_secs_f64(), "data");
    Ok(())
}

async fn read_group(subject: &Subject, number: u64) -> Result<usize, BenchError> {
    match subject {
        Subject::Engine(engine) => {
            let query = Query::tags([group(number)]);
            let log = engine.log(DEFAULT_NAMESPACE)?;
            let events = log.reader().matching(&query, 1, Direction::Forwards, MOST);
            Ok(events.map_err(Rejection::from)?.len())
        }
        Subject::Server(client) => {
            let tags = vec![group(number)];
            let filter = EventFilter { tags, page_size: Some(MOST), ..EventFilter::default() };
            Ok(client.recorded_events(&filter, Duration::ZERO).await?.events.len())
        }
    }
}

/// The last position of the page behind a position, and the bytes of its events' data; none at
/// the end.
async fn read_page(subject: &Subject, after: u64) -> Result<Option<(u64, usize)>, BenchError> {
    match subject {
        Subject::Engine(engine) => {
            let log = engine.log(DEFAULT_NAMESPACE)?;
            let page = log.reader().events(after + 1, Direction::Forwards, PAGE);
            let page = page.map_err(Rejection::from)?;
            Ok(last_and_bytes(&page))
        }
        Subject::Server(client) => {
            let (after, page_size) = (Some(after), Some(PAGE));
            let filter = EventFilter { after, page_size, ..EventFilter::default() };
            let page = client.recorded_events(&filter, Duration::ZERO).await?.events;
            Ok(last_and_bytes(&page))
        }
    }
}

fn last_and_bytes(page: &[RecordedEvent]) -> Option<(u64, usize)> {
    let bytes = page.iter().map(|event| event.data().len()).sum();
    page.last().map(|last| (last.position(), bytes))
}
