//! Runs `tests/features` of this crate.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::needless_pass_by_value, reason = "a step is handed the text that it matched")]

use cucumber::{World as _, given, then, when};
use everstep_fsm::{Machine, State, TransitionRefused};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parcel {
    Packed,
    Sent,
    Delivered,
    Returned,
}

impl State for Parcel {
    const ALL: &'static [Self] = &[Self::Packed, Self::Sent, Self::Delivered, Self::Returned];

    fn name(self) -> &'static str {
        match self {
            Self::Packed => "packed",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Returned => "returned",
        }
    }
}

const PARCEL: Machine<Parcel> = Machine::new(
    "parcel",
    Parcel::Packed,
    &[
        (Parcel::Packed, &[Parcel::Sent]),
        (Parcel::Sent, &[Parcel::Delivered, Parcel::Returned]),
        (Parcel::Returned, &[Parcel::Packed]),
    ],
);
const TWICE: Machine<Parcel> = Machine::new(
    "parcel",
    Parcel::Packed,
    &[(Parcel::Packed, &[Parcel::Sent]), (Parcel::Packed, &[Parcel::Returned])],
);
const NO_WAY: Machine<Parcel> = Machine::new(
    "parcel",
    Parcel::Packed,
    &[(Parcel::Packed, &[Parcel::Sent]), (Parcel::Sent, &[Parcel::Delivered])],
);

#[derive(Debug, Default, cucumber::World)]
struct World {
    from: Option<Parcel>,
    machine: Option<Machine<Parcel>>,
    outcome: Option<Result<(), TransitionRefused>>,
}

#[given(regex = r"^a parcel that is (\w+)$")]
fn parcel(world: &mut World, state: String) {
    assert_eq!(PARCEL.check_table(), Ok(()));
    world.from = Parcel::named(&state);
}

#[given("a machine with two rows for one state")]
fn twice(world: &mut World) {
    world.machine = Some(TWICE);
}

#[given("a machine without a way to a state")]
fn no_way(world: &mut World) {
    world.machine = Some(NO_WAY);
}

#[when(regex = r"^it becomes (\w+)$")]
fn becomes(world: &mut World, state: String) {
    let to = Parcel::named(&state).unwrap();
    world.outcome = Some(PARCEL.check(world.from.unwrap(), to));
}

#[then("that is allowed")]
fn allowed(world: &mut World) {
    assert_eq!(world.outcome, Some(Ok(())));
}

#[then(expr = "that is refused, and {string} would be allowed")]
fn refused(world: &mut World, allowed: String) {
    let refused = world.outcome.take().unwrap().unwrap_err();
    assert_eq!(refused.allowed.join(", "), allowed);
    let text = refused.to_string();
    for part in [world.from.unwrap().name(), refused.to, &allowed] {
        assert!(text.contains(part), "{text}");
    }
}

#[then(expr = "that is refused, because {string} is terminal")]
fn terminal(world: &mut World, state: String) {
    let refused = world.outcome.take().unwrap().unwrap_err();
    assert!(refused.allowed.is_empty());
    assert!(refused.to_string().ends_with(&format!("`{state}` is terminal")), "{refused}");
}

#[then(expr = "its check says {string}")]
fn mistaken(world: &mut World, text: String) {
    let mistake = world.machine.unwrap().check_table().unwrap_err().to_string();
    assert!(mistake.contains(&text), "{mistake}");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let features = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/features");
    World::cucumber().fail_on_skipped().with_default_cli().run_and_exit(features).await;
}
