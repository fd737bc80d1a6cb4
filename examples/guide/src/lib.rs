//! The guide's pages: every Rust snippet of `docs/guide/` is compiled and run as a doctest.
//!
//! Invariant: a page is tested exactly as it is read; lines that begin with `#` are the frame that
//! a reader's own program has already.

use std::future::Future;

use everstep::server::{Server, ServerConfig};
use everstep::{Client, Clock, Engine, Worker};

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/02-activities.md")]
mod activities {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/03-timers-and-signals.md")]
mod timers_and_signals {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/14-observing.md")]
mod observing {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/15-access.md")]
mod access {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/16-events.md")]
mod events {}
#[doc = include_str!("../../../docs/guide/17-projections.md")]
mod projections {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/18-commands.md")]
mod commands {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/04-sagas-and-cancellation.md")]
mod sagas_and_cancellation {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/01-first-workflow.md")]
mod first_workflow {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/05-children-and-long-runs.md")]
mod children_and_long_runs {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/06-updates-and-transactions.md")]
mod updates_and_transactions {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/09-operating.md")]
mod operating {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/11-queues.md")]
mod queues {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/07-changing-code.md")]
mod changing_code {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/08-testing.md")]
mod testing {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/10-schedules.md")]
mod schedules {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/12-finding-runs.md")]
mod finding_runs {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/13-payloads.md")]
mod payloads {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/20-subscriptions.md")]
mod subscriptions {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/21-when-things-fail.md")]
mod when_things_fail {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/19-contexts.md")]
mod contexts {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/22-agents.md")]
mod agents {}

/// Runs `code` against a server of its own with this worker, as a snippet's frame.
///
/// # Panics
/// When the server does not start or `code` fails: the snippet is wrong then.
pub fn try_out<F>(worker: Worker, code: impl FnOnce(Client, Engine) -> F)
where
    F: Future<Output = Result<(), Box<dyn std::error::Error>>>,
{
    try_on(Clock::System, worker, code);
}

/// As [`try_out`], on a clock that stands still until it is moved.
///
/// # Panics
/// As [`try_out`].
pub fn try_with_clock<F>(worker: Worker, code: impl FnOnce(Client, Engine) -> F)
where
    F: Future<Output = Result<(), Box<dyn std::error::Error>>>,
{
    try_on(Clock::manual(), worker, code);
}

#[expect(clippy::unwrap_used, reason = "a snippet that does not work has failed its test")]
fn try_on<F>(clock: Clock, worker: Worker, code: impl FnOnce(Client, Engine) -> F)
where
    F: Future<Output = Result<(), Box<dyn std::error::Error>>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let data = tempfile::tempdir().unwrap();
        let mut config = ServerConfig::new(data.path());
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.engine.clock = clock;
        let server = Server::open(worker, config).await.unwrap();
        let engine = server.engine().clone();
        code(Client::new(engine.clone()), engine).await.unwrap();
        server.run(async {}).await.unwrap();
    });
}
