//! A worker's circuits: what it declares, and how each stands, in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use everstep_engine::{Engine, Extension, Rejection, Worker};

use super::rows::CIRCUITS;
use super::{Breaker, Circuit, timer};

/// How each circuit of each namespace stood when a transaction looked at it last.
type Standing = HashMap<String, HashMap<String, Breaker>>;

/// The circuits of a worker.
pub struct Circuits {
    declared: BTreeMap<&'static str, Circuit>,
    standing: Mutex<Standing>,
    process: u64,
}

impl Default for Circuits {
    fn default() -> Self {
        let standing = Mutex::default();
        Self { declared: BTreeMap::new(), standing, process: rand::random() }
    }
}

impl Extension for Circuits {}

impl Circuits {
    /// The circuit that the worker declares under that name.
    pub fn declared(&self, name: &str) -> Option<Circuit> {
        self.declared.get(name).copied()
    }

    /// All that the worker declares, by name.
    pub fn all(&self) -> impl Iterator<Item = Circuit> + '_ {
        self.declared.values().copied()
    }

    /// Names this process: probes of another one are lost.
    pub(super) const fn process(&self) -> u64 {
        self.process
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn remember(&self, namespace: &str, name: &str, breaker: Breaker) {
        let mut standing = self.standing();
        if !standing.contains_key(namespace) {
            standing.insert(namespace.to_owned(), HashMap::new());
        }
        if let Some(own) = standing.get_mut(namespace) {
            match own.get_mut(name) {
                Some(known) => *known = breaker,
                None => drop(own.insert(name.to_owned(), breaker)),
            }
        }
    }

    /// How a circuit stands, from memory; from its row the first time in this process.
    pub(super) fn look<T>(
        &self,
        engine: &Engine,
        namespace: &str,
        name: &str,
        look: impl FnOnce(&Breaker) -> T,
    ) -> Result<T, Rejection> {
        {
            let standing = self.standing();
            if let Some(known) = standing.get(namespace).and_then(|own| own.get(name)) {
                return Ok(look(known));
            }
        }
        let row = engine.rows(namespace)?.get(CIRCUITS, name)?;
        let breaker = row.map(|row| row.breaker).unwrap_or_default();
        let answer = look(&breaker);
        let mut standing = self.standing();
        let own = standing.entry(namespace.to_owned()).or_default();
        // A transaction may have been faster, and knows better.
        own.entry(name.to_owned()).or_insert(breaker);
        Ok(answer)
    }
}

/// Circuits on a worker.
pub trait WorkerCircuits {
    /// Declares the circuit of an external service.
    #[must_use]
    fn circuit(self, circuit: Circuit) -> Self;
}

impl WorkerCircuits for Worker {
    fn circuit(self, circuit: Circuit) -> Self {
        let worker = match self.extension::<Circuits>() {
            Some(_) => self,
            None => timer::register(self),
        };
        worker.extend(|circuits: &mut Circuits| {
            circuits.declared.insert(circuit.name(), circuit);
        })
    }
}
