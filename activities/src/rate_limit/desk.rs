//! Limits as people look at them: how full each key's meter is, and emptied by hand.
//!
//! Invariant: what is shown follows from a declaration and a row; a limit that nobody declares any
//! more is not shown.

use std::collections::BTreeMap;

use everstep_engine::{
    ActivityError, Engine, Extension, Keys, Rejection, TransactionContext, Worker,
};
use serde::{Deserialize, Serialize};

use super::limiter::{METERS, limit_and_key, row_of};
use super::{DurableLimiter, Reading};
use crate::commands::Commands;

/// How many rows one page looks at.
const MOST_EXAMINED: usize = 5_000;

/// The limits that a program declares beside those of its commands.
#[derive(Debug, Default)]
pub struct Limits(Vec<DurableLimiter>);

impl Extension for Limits {}

/// Limits on a worker.
pub trait WorkerLimits {
    /// Shows a limiter, which the program's own code asks, where limits are looked at.
    #[must_use]
    fn limit(self, limiter: DurableLimiter) -> Self;
}

impl WorkerLimits for Worker {
    fn limit(self, limiter: DurableLimiter) -> Self {
        self.extend(|limits: &mut Limits| limits.0.push(limiter))
    }
}

/// A limit as it was declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitView {
    /// Its name; a command's limit has the command's.
    pub name: String,
    /// `token_bucket` or `fixed_window`.
    pub kind: String,
    /// So many in each period.
    pub rate: u64,
    /// The period.
    pub period_ms: u64,
    /// So many at once.
    pub capacity: u64,
}

/// How full a key's meter is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterView {
    /// The limit.
    pub limit: String,
    /// Whose meter: a user, as a rule.
    pub key: String,
    /// What is used up.
    pub used: u64,
    /// What may be done at once.
    pub capacity: u64,
    /// What may still be done now.
    pub available: u64,
    /// After so long all of it may be done again.
    pub full_after_ms: u64,
}

/// The limits, and a page of meters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitPage {
    /// All that are declared, by name.
    pub limits: Vec<LimitView>,
    /// Keys that have used something up, by limit and key.
    pub meters: Vec<MeterView>,
    /// Asks for the next page of meters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

fn declared(engine: &Engine) -> BTreeMap<&'static str, DurableLimiter> {
    let of_commands = engine.extension::<Commands>().into_iter().flat_map(Commands::limits);
    let own = engine.extension::<Limits>().into_iter().flat_map(|limits| limits.0.iter().copied());
    of_commands.chain(own).map(|limiter| (limiter.name(), limiter)).collect()
}

/// The limits of an engine, and a page of at most `size` meters of a namespace after a page's token;
/// it may be short and say where to go on. Keys of which everything is granted again are shown only
/// where `at_rest` asks for them.
///
/// # Errors
/// When there is no such namespace, or the store cannot be read.
pub fn list(
    engine: &Engine,
    namespace: &str,
    after: Option<&str>,
    at_rest: bool,
    size: usize,
) -> Result<LimitPage, Rejection> {
    let declared = declared(engine);
    let now_ms = engine.now().as_millis();
    let rows = engine.rows(namespace)?;
    let limits = declared.values().map(|one| shown(*one)).collect();
    let (mut meters, mut examined, mut after) = (Vec::new(), 0, after.map(str::to_owned));
    let size = size.clamp(1, Keys::MOST);
    loop {
        let keys = Keys::all().limit(size);
        let keys = match &after {
            Some(after) => keys.after(after.as_str()),
            None => keys,
        };
        let page = rows.range(METERS, &keys)?;
        let is_last = page.len() < size;
        for (row, meter) in page {
            examined += 1;
            let of = limit_and_key(&row)
                .and_then(|(name, key)| Some((declared.get(name)?, key)))
                .map(|(limiter, key)| (limiter, key, limiter.limit().read(meter, now_ms)))
                .filter(|(_, _, reading)| at_rest || reading.used > 0);
            if let Some((limiter, key, reading)) = of {
                let Reading { used, capacity, full_after_ms } = reading;
                let (limit, key) = (limiter.name().to_owned(), key.to_owned());
                let available = capacity.saturating_sub(used);
                meters.push(MeterView { limit, key, used, capacity, available, full_after_ms });
            }
            after = Some(row);
            if meters.len() == size {
                return Ok(LimitPage { limits, meters, next_page_token: after });
            }
        }
        if is_last || examined >= MOST_EXAMINED {
            let next_page_token = after.filter(|_| !is_last);
            return Ok(LimitPage { limits, meters, next_page_token });
        }
    }
}

fn shown(limiter: DurableLimiter) -> LimitView {
    let limit = limiter.limit();
    LimitView {
        name: limiter.name().to_owned(),
        kind: limit.kind().to_owned(),
        rate: limit.rate(),
        period_ms: limit.period_ms(),
        capacity: limit.read(super::Meter::default(), 0).capacity,
    }
}

/// Forgives a key what it has used up. Whether there was anything.
///
/// # Errors
/// When the store cannot be read or written.
pub fn reset(
    tx: &mut TransactionContext<'_>,
    limit: &str,
    key: &str,
) -> Result<bool, ActivityError> {
    let row = row_of(limit, key);
    let was_used = tx.get(METERS, &row)?.is_some();
    if was_used {
        tx.delete(METERS, &row)?;
    }
    Ok(was_used)
}
