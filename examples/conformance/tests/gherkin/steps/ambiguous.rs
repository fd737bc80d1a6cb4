//! A run within the run: a feature of its own, with two steps for one line.

use cucumber::World as _;
use cucumber::writer::{Basic, Coloring, Stats as _, Summarize};
use cucumber::{given, then, when};

use crate::report::Report;
use crate::world::World;

/// The world of the inner run, which has no steps but these two.
#[derive(Debug, Default, cucumber::World)]
struct Doubtful;

#[given(regex = r"^a line that (.*) match$")]
fn first(_: &mut Doubtful, _who: String) {}

#[given(regex = r"^a line that two steps (.*)$")]
fn second(_: &mut Doubtful, _what: String) {}

const FEATURE: &str = "\
Feature: Doubt
  Scenario: Which one?
    Given a line that two steps match
";

#[when("a feature is run whose line two steps match")]
async fn run(world: &mut World) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("doubt.feature");
    std::fs::write(&path, FEATURE).unwrap();
    let report = Report::default();
    let ran = Doubtful::cucumber()
        .with_writer(Summarize::new(Basic::new(report.clone(), Coloring::Never, 0)))
        .fail_on_skipped()
        .with_default_cli()
        .run(path)
        .await;
    world.remembered.insert("failed".to_owned(), ran.execution_has_failed().to_string());
    world.remembered.insert("shown".to_owned(), report.text());
}

#[then("the run has failed")]
fn failed(world: &mut World) {
    assert_eq!(world.remembered["failed"], "true", "{}", world.remembered["shown"]);
}

#[then("it named both steps")]
fn named(world: &mut World) {
    let shown = &world.remembered["shown"];
    for pattern in ["a line that (.*) match", "a line that two steps (.*)"] {
        assert!(shown.contains(pattern), "no `{pattern}` in\n{shown}");
    }
}
