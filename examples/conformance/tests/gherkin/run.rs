//! One run of features against a server that stands: which scenarios, how many at once, and what is
//! said of it.
//!
//! Invariant: a step that nothing implements, or that two steps implement, fails the run.

use std::fmt::Debug;
use std::process::ExitCode;

use cucumber::World;
use cucumber::codegen::WorldInventory;
use cucumber::writer::{Basic, Coloring, Stats as _, Summarize};

use crate::choice::Choice;
use crate::report::Report;

/// Runs the scenarios of a folder that the program's arguments choose, and says how it went.
pub(crate) async fn run<W: World + WorldInventory + Debug>(
    features: &'static str,
    at_once: usize,
) -> ExitCode {
    let choice = Choice::of(std::env::args().skip(1));
    let report = Report::default();
    let written = Summarize::new(Basic::new(report.clone(), Coloring::Never, 0));
    let ran = W::cucumber()
        .with_writer(written)
        .fail_on_skipped()
        .max_concurrent_scenarios(at_once)
        .with_default_cli()
        .filter_run(features, move |feature, rule, scenario| choice.takes(feature, rule, scenario))
        .await;
    report.tell(ran.execution_has_failed())
}
