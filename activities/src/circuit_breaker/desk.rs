//! Circuits as they are looked at, and opened and closed by hand.

use std::collections::BTreeMap;

use everstep_engine::{
    ActivityError, Engine, Keys, Rejection, RowSnapshot, Timestamp, TransactionContext,
};
use serde::{Deserialize, Serialize};

use super::rows::{self, CIRCUITS, CircuitRow};
use super::{CircuitConfig, CircuitState, Circuits};

/// A circuit as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CircuitView {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: CircuitState,
    /// Failures in a row.
    pub failure_count: u32,
    /// Probes in a row that worked.
    pub success_count: u32,
    /// When a call failed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure_at: Option<Timestamp>,
    /// Since when it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Timestamp>,
    /// After so many milliseconds a probe is let through, where it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The activity whose attempt is the probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_run_id: Option<String>,
    /// How often it has opened.
    pub openings: u64,
    /// When it opens and closes.
    pub config: CircuitConfig,
    /// When it moved last; none for one that never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

impl CircuitView {
    fn of(name: &str, declared: Option<CircuitConfig>, row: Option<CircuitRow>, now: i64) -> Self {
        let updated_at = row.as_ref().map(|row| row.updated_at);
        let stored = row.as_ref().map(|row| row.config);
        let config = declared.or(stored).unwrap_or(CircuitConfig::DEFAULT);
        let breaker = row.map(|row| row.breaker).unwrap_or_default();
        let left = breaker.left_ms(&config, now);
        Self {
            name: name.to_owned(),
            state: breaker.state,
            failure_count: breaker.failure_count,
            success_count: breaker.success_count,
            last_failure_at: breaker.last_failure_at_ms.map(Timestamp::from_millis),
            opened_at: breaker.opened_at_ms.map(Timestamp::from_millis),
            retry_after_ms: (breaker.state == CircuitState::Open).then_some(left),
            probe_run_id: breaker.probe.map(|probe| probe.run_id),
            openings: breaker.openings,
            config,
            updated_at,
        }
    }
}

fn declared(engine: &Engine, name: &str) -> Option<CircuitConfig> {
    engine.extension::<Circuits>()?.declared(name).map(super::Circuit::config)
}

/// A circuit; one that nobody has heard of is closed, with the defaults.
///
/// # Errors
/// When the store cannot be read.
pub fn show(engine: &Engine, namespace: &str, name: &str) -> Result<CircuitView, Rejection> {
    let row = engine.rows(namespace)?.get(CIRCUITS, name)?;
    Ok(CircuitView::of(name, declared(engine, name), row, engine.now().as_millis()))
}

/// The circuits that the worker declares, and those that ever moved, by name.
///
/// # Errors
/// When the store cannot be read.
pub fn list(engine: &Engine, namespace: &str) -> Result<Vec<CircuitView>, Rejection> {
    let rows: RowSnapshot = engine.rows(namespace)?;
    let stored = rows.range(CIRCUITS, &Keys::all())?;
    let mut all: BTreeMap<String, Option<CircuitRow>> =
        stored.into_iter().map(|(name, row)| (name, Some(row))).collect();
    if let Some(circuits) = engine.extension::<Circuits>() {
        for circuit in circuits.all() {
            all.entry(circuit.name().to_owned()).or_insert(None);
        }
    }
    let now = engine.now().as_millis();
    let view = |(name, row): (String, _)| CircuitView::of(&name, declared(engine, &name), row, now);
    Ok(all.into_iter().map(view).collect())
}

/// Opens a circuit by hand, for its usual time.
///
/// # Errors
/// `CIRCUIT_NOT_FOUND` when the worker does not declare it.
pub fn open(tx: &mut TransactionContext<'_>, name: &str) -> Result<(), ActivityError> {
    let config = known(tx, name)?;
    let now_ms = tx.now().as_millis();
    rows::change(tx, name, config, |breaker| breaker.open(now_ms))
}

/// Closes a circuit by hand.
///
/// # Errors
/// `CIRCUIT_NOT_FOUND` when the worker does not declare it.
pub fn close(tx: &mut TransactionContext<'_>, name: &str) -> Result<(), ActivityError> {
    let config = known(tx, name)?;
    rows::change(tx, name, config, super::Breaker::close)
}

fn known(tx: &TransactionContext<'_>, name: &str) -> Result<CircuitConfig, ActivityError> {
    let declared = tx.extension::<Circuits>().and_then(|circuits| circuits.declared(name));
    declared.map(super::Circuit::config).ok_or_else(|| {
        let what = format!("no worker declares circuit `{name}`");
        ActivityError::new("CIRCUIT_NOT_FOUND", what).non_retryable()
    })
}
