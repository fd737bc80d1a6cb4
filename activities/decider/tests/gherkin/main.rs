//! Runs `tests/features` of this crate.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::needless_pass_by_value, reason = "a step is handed the text that it matched")]

mod basket;

use std::time::{Duration, Instant};

use cucumber::{World as _, given, then, when};
use everstep_decider::{Context, Decider, Detail, Moment, Output, replay};

use basket::{Basket, Fact, Shopping, Status, Wish};

#[derive(Debug, Default, cucumber::World)]
struct World {
    basket: Basket,
    history: Vec<Fact>,
    output: Option<Output<Shopping>>,
    differing: u32,
    took: Duration,
}

impl World {
    fn decide(&mut self, wish: &Wish, moment: &mut Moment) {
        let output = Shopping::decide(&self.basket, wish, moment);
        if let Output::Success { state, .. } = &output {
            self.basket = state.clone();
        }
        self.output = Some(output);
    }
}

/// Marsaglia's xorshift, 64 bits: enough to vary arguments.
fn shift(mut x: u64) -> u64 {
    x ^= x << 13;
    x ^= x >> 7;
    x ^ x << 17
}

#[given("a basket")]
fn basket(world: &mut World) {
    world.basket = Basket::default();
}

#[given(expr = "events of a time when an apple cost {int}")]
fn old_events(world: &mut World, cents: u64) {
    let added = |line: &str| Fact::Added { line: line.to_owned(), cents, at_ms: 0 };
    world.history = vec![added("a"), added("b")];
}

#[when(expr = "{int} random decisions are each made twice")]
fn twice(world: &mut World, decisions: u32) {
    let begun = Instant::now();
    let mut random = 88_172_645_463_325_252;
    for number in 0..decisions {
        random = shift(random);
        let status = [Status::Open, Status::CheckedOut, Status::Paid][(random % 3) as usize];
        let basket = Basket { status, cents: random % 1_000 };
        let wish = match random >> 8 & 3 {
            0 => Wish::CheckOut,
            1 => Wish::Pay,
            2 => Wish::Add { product: "unpriced".to_owned(), quantity: random >> 16 & 7 },
            _ => Wish::Add { product: "apple".to_owned(), quantity: random >> 16 & 7 },
        };
        let moment = Moment::new((random >> 20) as i64, number.to_string());
        let once = Shopping::decide(&basket, &wish, &mut moment.clone());
        let again = Shopping::decide(&basket, &wish, &mut moment.clone());
        world.differing += u32::from(once != again);
    }
    world.took = begun.elapsed();
}

#[then("each pair is the same")]
fn same(world: &mut World) {
    assert_eq!(world.differing, 0);
}

#[then(expr = "all of it took less than {int} ms")]
fn took(world: &mut World, ms: u64) {
    assert!(world.took < Duration::from_millis(ms), "{:?}", world.took);
}

#[when(expr = "at {int} command {string} adds {int} of {string}")]
fn add_at(world: &mut World, now: i64, id: String, quantity: u64, product: String) {
    world.decide(&Wish::Add { product, quantity }, &mut Moment::new(now, id));
}

#[when(expr = "{int} of {string} are added")]
fn add(world: &mut World, quantity: u64, product: String) {
    world.decide(&Wish::Add { product, quantity }, &mut Moment::new(0, "cmd"));
}

#[when("it is paid")]
fn pay(world: &mut World) {
    world.decide(&Wish::Pay, &mut Moment::new(0, "cmd"));
}

#[when(expr = "they are replayed today, when an apple costs {int}")]
fn replayed(world: &mut World, cents: u64) {
    let add = Wish::Add { product: "apple".to_owned(), quantity: 1 };
    let today = Shopping::decide(&Basket::default(), &add, &mut Moment::new(0, "cmd"));
    assert!(matches!(today.events(), [Fact::Added { cents: today, .. }] if *today == cents));
    world.basket = replay::<Shopping>(Basket::default(), &world.history);
}

#[when("an event of an unknown type is replayed")]
fn unknown(world: &mut World) {
    world.basket = replay::<Shopping>(world.basket.clone(), &[Fact::Unknown]);
}

#[then(expr = "it happened at {int} under the id {string}")]
fn happened(world: &mut World, now: i64, id: String) {
    let output = world.output.take().unwrap();
    let [Fact::Added { line, at_ms, .. }] = output.events() else { panic!("{output:?}") };
    assert_eq!((line, *at_ms), (&id, now));
}

#[then(expr = "the outcome is a success with {int} event(s)")]
fn success(world: &mut World, events: usize) {
    let output = world.output.as_ref().unwrap();
    assert!(output.is_success() && !output.is_rejected() && !output.is_failed(), "{output:?}");
    assert_eq!(output.events().len(), events);
}

#[then(regex = r#"^the outcome is a rejection "(\w+)" whose "(\w+)" is "?([^"]+)"?$"#)]
fn rejected(world: &mut World, code: String, name: String, detail: String) {
    let output = world.output.as_ref().unwrap();
    assert!(output.is_rejected() && !output.is_success() && !output.is_failed(), "{output:?}");
    let rejection = output.rejection().unwrap();
    assert_eq!(rejection.code, code);
    assert_eq!(shown(&rejection.context, &name), detail);
}

#[then(expr = "the outcome is a failure whose {string} is {string}")]
fn failed(world: &mut World, name: String, detail: String) {
    let output = world.output.as_ref().unwrap();
    assert!(output.is_failed() && !output.is_success() && !output.is_rejected(), "{output:?}");
    let Output::Failed(failed) = output else { panic!("{output:?}") };
    assert_eq!(shown(&failed.context, &name), detail);
}

fn shown(context: &Context, name: &str) -> String {
    fn show(detail: &Detail) -> String {
        match detail {
            Detail::Text(text) => text.clone(),
            Detail::Number(number) => number.to_string(),
            Detail::List(list) => list.iter().map(show).collect::<Vec<_>>().join(", "),
            other => format!("{other:?}"),
        }
    }
    context.get(name).map(show).unwrap_or_default()
}

#[then("there is no event")]
fn no_event(world: &mut World) {
    assert!(world.output.as_ref().unwrap().events().is_empty());
}

#[then("there is an event for the audit")]
fn audit(world: &mut World) {
    let output = world.output.as_ref().unwrap();
    assert!(output.events().is_empty());
    let Output::Failed(failed) = output else { panic!("{output:?}") };
    assert!(matches!(failed.event, Some(Fact::PriceMissing { .. })));
}

#[then(expr = "the basket is worth {int}")]
fn worth(world: &mut World, cents: u64) {
    assert_eq!(world.basket.cents, cents);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let features = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/features");
    World::cucumber().fail_on_skipped().with_default_cli().run_and_exit(features).await;
}
