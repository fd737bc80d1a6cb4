//! Steps about patterns, thresholds and limits: pure.

use std::time::Duration;

use cucumber::{given, then, when};
use everstep_activities::rate_limit::{RollingLimit, Taken};
use everstep_engine::{Timestamp, Worker};
use everstep_workflows::agent::{
    Agent, AgentConfigError, AgentEvent, Analysis, AnalysisMethod, ApprovalRules,
    PatternDefinition, PatternWindow, Spending, Suggestion, WorkerAgents, check_emission,
    filter_events_in_window, has_minimum_events, load_window, should_require_approval,
};
use serde_json::Value;

use crate::world::{World, open};

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
const NOW: i64 = 1_000 * DAY_MS;

/// What pure steps remember.
#[derive(Default)]
pub(crate) struct Pure {
    events: Vec<AgentEvent>,
    kept: usize,
    batches: usize,
    code: String,
    agent: Option<Agent>,
    rules: ApprovalRules,
    granted: usize,
    spending: Spending,
}

fn event(position: u64, at_ms: i64) -> AgentEvent {
    AgentEvent::new(position, "Happened", Timestamp::from_millis(at_ms), Value::Null)
}

fn pattern() -> PatternDefinition {
    PatternDefinition::new("found").trigger(|events| !events.is_empty())
}

fn agent() -> Agent {
    Agent::new("watcher").listens_to(["Happened"]).fallback()
}

fn with_window(window: PatternWindow) -> Agent {
    agent().pattern(pattern().window(window))
}

#[when(regex = r"^an agent is put together with (.+)$")]
fn put_together(world: &mut World, mistake: String) {
    let approval = |rules| agent().pattern(pattern()).approval(rules);
    let both = vec!["Both".to_owned()];
    let made = match mistake.as_str() {
        "no id" => Agent::new("").listens_to(["Happened"]).fallback().pattern(pattern()),
        "no subscriptions" => Agent::new("watcher").fallback().pattern(pattern()),
        "a window of \"0d\"" => with_window(PatternWindow::of("0d")),
        "a window of \"30 days\"" => with_window(PatternWindow::of("30 days")),
        "no minimum of events" => agent().pattern(pattern().min_events(0)),
        "a threshold of 1.5" => {
            approval(ApprovalRules { confidence_threshold: 1.5, ..ApprovalRules::default() })
        }
        "contradicting approval" => approval(ApprovalRules {
            requires_approval: both.clone(),
            auto_approve: both,
            ..ApprovalRules::default()
        }),
        "no trigger" => agent().pattern(PatternDefinition::new("found")),
        "a pattern without name" => agent().pattern(PatternDefinition::new(" ").trigger(|_| true)),
        "neither a model nor a fallback" => {
            Agent::new("watcher").listens_to(["Happened"]).pattern(pattern())
        }
        "an unknown pattern" => agent().pattern(pattern()),
        other => panic!("no such mistake: {other}"),
    };
    let refused = match mistake.as_str() {
        "an unknown pattern" => made.find_pattern("lost").map(drop),
        _ => made.check(false),
    };
    world.pure.code = refused.map_or_else(|error: AgentConfigError| error.code(), |()| "").into();
    world.pure.agent = Some(made);
}

#[then(expr = "it is refused as {string}")]
fn refused(world: &mut World, code: String) {
    assert_eq!(world.pure.code, code);
}

#[then("the worker does not open, and says that an LLM runtime or a fallback must be configured")]
fn does_not_open(world: &mut World) {
    let agent = world.pure.agent.take().unwrap();
    let error = open(Worker::new().agent(agent)).unwrap_err().to_string();
    assert!(error.contains("AGENT_RUNTIME_REQUIRED"), "{error}");
    assert!(error.contains("an LLM runtime or a fallback must be configured"), "{error}");
}

#[given(expr = "events from 31, 30, 5 and 1 days ago")]
fn events_from(world: &mut World) {
    let ago = |(position, days): (u64, i64)| event(position, NOW - days * DAY_MS);
    world.pure.events = [(1, 31), (2, 30), (3, 5), (4, 1)].map(ago).into();
}

#[then(expr = "{int} of them lie in a window of {string}")]
fn lie_in(world: &mut World, count: usize, duration: String) {
    let now = Timestamp::from_millis(NOW);
    let events = std::mem::take(&mut world.pure.events);
    world.pure.events = filter_events_in_window(events, &PatternWindow::of(duration), now);
    assert_eq!(world.pure.events.len(), count);
}

#[then(expr = "they are enough for {int} events and too few for {int}")]
fn are_enough(world: &mut World, enough: usize, few: usize) {
    let window = |min_events| PatternWindow { min_events, ..PatternWindow::default() };
    assert!(has_minimum_events(&world.pure.events, &window(enough)));
    assert!(!has_minimum_events(&world.pure.events, &window(few)));
}

#[given(expr = "{int} events, one an hour")]
fn one_an_hour(world: &mut World, count: u64) {
    let event = |back: u64| event(count - back, NOW - back as i64 * HOUR_MS);
    world.pure.events = (0..count).map(event).collect();
}

#[when(expr = "a window of {string} with at most {int} events is loaded in batches of {int}")]
fn loaded(world: &mut World, duration: String, most: usize, batch: usize) {
    let window =
        PatternWindow { event_limit: most, load_batch_size: batch, ..PatternWindow::of(duration) };
    let (all, mut from, mut batches) = (&world.pure.events, 0, 0);
    let kept = load_window(
        |size| {
            batches += 1;
            let page = all[from..(from + size).min(all.len())].to_vec();
            from += page.len();
            page
        },
        &window,
        Timestamp::from_millis(NOW),
    );
    assert_eq!(kept.last().unwrap().at.as_millis(), NOW);
    (world.pure.kept, world.pure.batches) = (kept.len(), batches);
}

#[then(expr = "the newest {int} are kept and {int} batches were asked for")]
fn are_kept(world: &mut World, kept: usize, batches: usize) {
    assert_eq!((world.pure.kept, world.pure.batches), (kept, batches));
}

#[given(expr = "a threshold of 0.8, \"Dangerous\" always to be approved and \"Harmless\" never")]
fn threshold(world: &mut World) {
    world.pure.rules = ApprovalRules {
        requires_approval: vec!["Dangerous".to_owned()],
        auto_approve: vec!["Harmless".to_owned()],
        ..ApprovalRules::default()
    };
}

#[then(regex = r#"^"(\w+)" with a confidence of ([0-9.]+) is (executed|put up for review)$"#)]
fn decided(world: &mut World, command: String, confidence: f64, decision: String) {
    let rules = &world.pure.rules;
    let waits = should_require_approval(rules, &command, confidence, AnalysisMethod::Llm);
    assert_eq!(if waits { "put up for review" } else { "executed" }, decision);
}

#[when(regex = r"^a command is emitted with (.+)$")]
fn emitted(world: &mut World, fault: String) {
    let mut suggestion = Suggestion { command_type: "Act".to_owned(), payload: Value::Null };
    let mut analysis = Analysis {
        analysis_method: AnalysisMethod::RuleBased,
        confidence: 0.9,
        reasoning: "because".to_owned(),
        suggested_action: None,
        llm_context: None,
    };
    let mut events = vec!["evt_1".to_owned()];
    assert!(check_emission(&suggestion, &analysis, &events).is_ok());
    match fault.as_str() {
        "no reason" => analysis.reasoning.clear(),
        "no confidence" => analysis.confidence = f64::NAN,
        "no events" => events.clear(),
        "a name with spaces" => suggestion.command_type = "Act now".to_owned(),
        other => panic!("no such fault: {other}"),
    }
    let refused = check_emission(&suggestion, &analysis, &events).unwrap_err();
    refused.code().clone_into(&mut world.pure.code);
}

#[when(expr = "a limit of {int} a minute is asked {int} times at once")]
fn asked(world: &mut World, rate: usize, times: usize) {
    let limit = RollingLimit::new(rate, Duration::from_secs(60));
    let mut taken = Taken::default();
    let granted = (0..times).filter(|_| limit.take(&mut taken, 0, NOW).allowed);
    world.pure.granted = granted.count();
    // What is stored of it grants no more after a restart.
    let stored = serde_json::to_string(&taken).unwrap();
    let mut read: Taken = serde_json::from_str(&stored).unwrap();
    let more = (0..times).filter(|_| limit.take(&mut read, 0, NOW + 59_999).allowed);
    assert_eq!(more.count(), (rate - world.pure.granted).min(times));
}

#[then(expr = "{int} are granted")]
fn granted(world: &mut World, count: usize) {
    assert_eq!(world.pure.granted, count);
}

#[given(expr = "a daily budget of 10.00 of which 9.50 is spent")]
fn budget(world: &mut World) {
    world.pure.spending.spent_micro_usd = 9_500_000;
}

#[then("a call that may cost 0.40 is let through, and another beside it is not")]
fn one_of_two(world: &mut World) {
    assert!(world.pure.spending.reserve("one", 400_000, 10_000_000));
    assert!(!world.pure.spending.reserve("two", 400_000, 10_000_000));
}

#[then("when the first turns out to cost 0.10 a call of 0.40 is let through")]
fn settled(world: &mut World) {
    world.pure.spending.settle("one", Some(100_000));
    assert!(world.pure.spending.reserve("two", 400_000, 10_000_000));
    assert_eq!(world.pure.spending.committed(), 10_000_000);
}
