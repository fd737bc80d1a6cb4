//! E6 over HTTP: from the acknowledgement of an append to each subscriber's frame.
//!
//! The subscribers are server-sent events of one type that nobody else appends, so that a server
//! that does other work can be measured, too. They run on this machine and count against it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::super::args::Workload;
use super::super::disk::SyncRate;
use super::super::error::BenchError;
use super::super::figure::Measured;
use super::super::load::Samples;
use super::super::subject::Subject;
use crate::client::{Client, ClientError, EventFilter};
use crate::{AppendRequest, EventInput, ExpectedVersion, Payload};

/// Events whose way to the subscribers is measured.
const DELIVERED: usize = 300;
/// Subscribers that connect at once.
const CONNECTING: usize = 32;
/// Between two events: the way of each is measured, not a queue.
const PAUSE: Duration = Duration::from_millis(20);

/// Measures it against a server.
pub(in super::super) async fn over_http(
    server: &Subject,
    subscribers: usize,
    disk: SyncRate,
) -> Result<Measured, BenchError> {
    let Subject::Server(client) = server else {
        return Err(BenchError::Failed("delivery over HTTP needs a server".into()));
    };
    let mut measured = Measured::new(Workload::E6, subscribers, true, disk);
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let event_type = format!("Delivered{}", nanos.unwrap_or_default().as_nanos());
    let ready = Arc::new(Barrier::new(subscribers + 1));
    let permits = Arc::new(tokio::sync::Semaphore::new(CONNECTING));
    let mut following = JoinSet::new();
    for _ in 0..subscribers {
        let (client, ready, permits) = (client.clone(), Arc::clone(&ready), Arc::clone(&permits));
        let types = vec![event_type.clone()];
        following.spawn(async move {
            let stream = {
                let _permit = permits.acquire().await;
                client.follow_events(&EventFilter { types, ..EventFilter::default() }).await
            };
            // Whoever cannot connect must not keep the others waiting.
            ready.wait().await;
            let (mut stream, mut times) = (stream?, Vec::with_capacity(DELIVERED));
            while times.len() < DELIVERED && stream.next().await?.is_some() {
                times.push(Instant::now());
            }
            Ok::<_, ClientError>(times)
        });
    }
    ready.wait().await;
    let mut acknowledged = Vec::with_capacity(DELIVERED);
    for number in 0..DELIVERED {
        append(client, &event_type, number).await?;
        acknowledged.push(Instant::now());
        tokio::time::sleep(PAUSE).await;
    }
    let mut samples = Samples::default();
    while let Some(times) = following.join_next().await {
        let times = times.map_err(|error| BenchError::Failed(error.to_string()))??;
        if times.len() < DELIVERED {
            let missing = DELIVERED - times.len();
            return Err(BenchError::Failed(format!("a subscriber missed {missing} events")));
        }
        for (seen, known) in times.iter().zip(&acknowledged) {
            samples.add(seen.saturating_duration_since(*known));
        }
    }
    let meaning = "acknowledged to the frame: half of them took at most this";
    measured.add("delivered_p50_ms", samples.percentile_ms(0.5), meaning);
    measured.add("delivered_p99_ms", samples.percentile_ms(0.99), "99 of 100 took at most this");
    Ok(measured)
}

async fn append(client: &Client, event_type: &str, number: usize) -> Result<(), BenchError> {
    let data =
        Payload::from_value(&number).map_err(|error| BenchError::Failed(error.to_string()))?;
    let append = AppendRequest {
        events: vec![EventInput::new(event_type, data)],
        expected_version: Some(ExpectedVersion::ANY),
        ..AppendRequest::default()
    };
    client.append(Some("Delivered:bench"), &append, None).await?;
    Ok(())
}
