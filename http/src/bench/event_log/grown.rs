//! E5: appends to a log that holds very many events, and under conditions on their names.

use std::time::{Duration, Instant};

use super::super::error::BenchError;
use super::super::figure::Measured;
use super::super::load::Samples;
use super::append_for;
use super::source::{Outcome, Source, Work, group, half};
use crate::log::QueryItem;

/// Appends under a condition on a type that no event has.
const UNSEEN: u64 = 200;

/// Appends by one client as at the start, then under conditions on hot tags.
pub(super) async fn measure(
    source: &Source,
    length: Duration,
    measured: &mut Measured,
) -> Result<(), BenchError> {
    let after = append_for(source, 1, 1, length).await?;
    measured.add("appends_per_s", after.rate(), "E1 on the full one");
    let mut fresh = Samples::default();
    let from = Instant::now();
    while from.elapsed() < length {
        let tags = vec![half(0).into(), source.unused().into()];
        let (outcome, took) = under(source, QueryItem { types: Vec::new(), tags }).await?;
        appended(&outcome)?;
        fresh.add(took);
    }
    let rate = fresh.len() as f64 / from.elapsed().as_secs_f64();
    measured.add("hot_and_fresh_per_s", rate, "a tag of half of all events, and an unused one");
    measured.add("hot_and_fresh_p99_ms", fresh.percentile_ms(0.99), "99 of 100 took at most this");
    let mut unseen = Samples::default();
    for _ in 0..UNSEEN {
        let item = QueryItem { types: vec!["Unseen".into()], tags: vec![half(0).into()] };
        let (outcome, took) = under(source, item).await?;
        appended(&outcome)?;
        unseen.add(took);
    }
    let p99 = unseen.percentile_ms(0.99);
    measured.add("unseen_type_p99_ms", p99, "a hot tag and a type that no event has");
    let (from, mut refused) = (Instant::now(), 0.0);
    while from.elapsed() < length {
        let item = QueryItem { types: Vec::new(), tags: vec![half(0).into()] };
        match under(source, item).await? {
            (Outcome::Refused, _) => refused += 1.0,
            (Outcome::Appended(_), _) => {
                return Err(BenchError::Failed("it should be refused".to_owned()));
            }
        }
    }
    let rate = refused / from.elapsed().as_secs_f64();
    measured.add("refused_per_s", rate, "conditions that do not hold, refused without a sync");
    Ok(())
}

fn appended(outcome: &Outcome) -> Result<(), BenchError> {
    match outcome {
        Outcome::Appended(_) => Ok(()),
        Outcome::Refused => Err(BenchError::Failed("it should not be refused".to_owned())),
    }
}

/// One event under a condition on names that other events have.
async fn under(source: &Source, item: QueryItem) -> Result<(Outcome, Duration), BenchError> {
    let event = [source.unused(), group(rand::random()), half(0)];
    let work = Work { events: vec![event], condition: Some((item, None)) };
    let from = Instant::now();
    let outcome = source.append(&work).await?;
    Ok((outcome, from.elapsed()))
}
