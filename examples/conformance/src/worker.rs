//! The worker: every workflow of the contract, and where its witness files are.

use std::io;
use std::path::Path;

use everstep::Worker;

use crate::announcements;
use crate::domain::{accounts, bells};
use crate::parcels;
use crate::witness_dir::WitnessDir;
use crate::workflows::{
    accumulate, append, approval, blob, blocked, cancellable, chain, echo, fan_out, flaky, fork,
    guarded, hang, identity, ledger, notes, panic, parent, patched, random, register, saga, sleep,
    tally, ticker, witness,
};

/// All conformance workflows. Witness files go to `data/witness`, which is made here.
///
/// # Errors
/// When the directory cannot be made.
pub fn worker(data: &Path) -> io::Result<Worker> {
    let dir = WitnessDir::create(data)?;
    let worker = identity::register(parcels::register(Worker::new()));
    let worker = echo::register(worker);
    let worker = chain::register(worker);
    let worker = fan_out::register(worker);
    let worker = sleep::register(worker);
    let worker = append::register(worker);
    let worker = approval::register(worker);
    let worker = accumulate::register(worker);
    let worker = witness::register(worker, &dir);
    let worker = register::register(worker);
    let worker = tally::register(worker);
    let worker = flaky::register(worker);
    let worker = hang::register(worker);
    let worker = guarded::register(worker);
    let worker = saga::register(worker, &dir);
    let worker = fork::register(worker, &dir);
    let worker = panic::register(worker, &dir);
    let worker = patched::register(worker);
    let worker = blocked::register(worker);
    let worker = blob::register(worker);
    let worker = cancellable::register(worker, &dir);
    let worker = parent::register(worker);
    let worker = ticker::register(worker);
    let worker = bells::register(accounts::register(worker));
    let worker = ledger::register(worker);
    let worker = notes::register(worker);
    let worker = announcements::register(worker);
    Ok(random::register(worker))
}
