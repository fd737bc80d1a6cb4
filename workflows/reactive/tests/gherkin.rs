//! Runs `tests/features` of this crate.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::needless_pass_by_value, reason = "a step is handed the text that it matched")]

use std::path::Path;
use std::process::Command;

use cucumber::{World as _, given, then, when};
use everstep_reactive::{Durable, Happened, Notice, PATIENCE_MS, Reactive, merge};

/// A number that goes up; some events say nothing of it.
#[derive(Clone, Copy, Debug)]
enum Event {
    Add(i64),
    Unknown,
}

fn evolve(sum: Option<i64>, event: &Event) -> Result<Option<i64>, String> {
    Ok(match event {
        Event::Add(by) => Some(sum.unwrap_or(0) + by),
        Event::Unknown => sum,
    })
}

#[derive(Debug, Default, cucumber::World)]
struct World {
    durable: Durable<i64>,
    row: Option<Reactive<i64, Event>>,
    on_the_server: Option<i64>,
    notices: Vec<Notice>,
    now_ms: u64,
}

impl World {
    fn begin(&mut self, durable: Durable<i64>) {
        self.row = Some(Reactive::new(durable.clone(), evolve));
        self.durable = durable;
    }

    fn row(&mut self) -> &mut Reactive<i64, Event> {
        self.row.as_mut().unwrap()
    }

    fn told(&mut self, position: u64, id: &str, cause: Option<String>, event: Event) {
        let happened = Happened { position, id: id.to_owned(), cause, event };
        let notices = self.row().happened(happened);
        self.notices.extend(notices);
    }
}

#[given(expr = "a durable row of {int} at position {int}")]
fn durable(world: &mut World, sum: i64, position: u64) {
    world.begin(Durable { state: Some(sum), changed_at: position, position });
}

#[given("no durable row")]
fn nothing(world: &mut World) {
    world.begin(Durable::default());
}

#[when(expr = "the events {int} of +{int} and {int} of +{int} are folded by a server")]
fn on_the_server(world: &mut World, first: u64, one: i64, second: u64, other: i64) {
    let events = [(first, Event::Add(one)), (second, Event::Add(other))];
    world.on_the_server = merge(world.durable.clone(), events, evolve).state;
}

#[when(expr = "the events {int} of +{int} and {int} of +{int} are told to a client")]
fn on_a_client(world: &mut World, first: u64, one: i64, second: u64, other: i64) {
    world.told(first, "a", None, Event::Add(one));
    world.told(second, "b", None, Event::Add(other));
}

#[when(expr = "an unknown event happens at {int}")]
fn unknown(world: &mut World, position: u64) {
    world.told(position, "u", None, Event::Unknown);
}

#[when(expr = "+{int} is expected of command {string}")]
fn expected(world: &mut World, by: i64, id: String) {
    let now_ms = world.now_ms;
    world.row().expect(id, Event::Add(by), now_ms);
}

#[when(expr = "event {string} of +{int} happens at {int}")]
fn happens(world: &mut World, id: String, by: i64, position: u64) {
    world.told(position, &id, None, Event::Add(by));
}

#[when(expr = "event {string} of +{int} happens at {int} because of {string}")]
fn happens_because(world: &mut World, id: String, by: i64, position: u64, cause: String) {
    world.told(position, &id, Some(cause), Event::Add(by));
}

#[when(expr = "{int} ms pass(es)")]
fn pass(world: &mut World, ms: u64) {
    world.now_ms += ms;
    let now_ms = world.now_ms;
    let notices = world.row().expire(now_ms, PATIENCE_MS);
    world.notices.extend(notices);
}

#[when(expr = "it is read anew as {int} of position {int}, durable up to {int}")]
fn read_anew(world: &mut World, sum: i64, changed_at: u64, position: u64) {
    let durable = Durable { state: Some(sum), changed_at, position };
    let notices = world.row().begin_again(durable, [], position);
    world.notices.extend(notices);
}

#[when(expr = "command {string} is refused")]
fn refused(world: &mut World, id: String) {
    let notice = world.row().refused(&id);
    world.notices.extend(notice);
}

#[when(expr = "it becomes durable up to {int}")]
fn becomes_durable(world: &mut World, position: u64) {
    let notices = world.row().is_durable(position);
    world.notices.extend(notices);
}

#[then(expr = "both show {int}")]
fn both(world: &mut World, sum: i64) {
    let shown = world.row().merged().state;
    assert_eq!((world.on_the_server, shown), (Some(sum), Some(sum)));
}

#[then(expr = "it shows {int}")]
fn shows(world: &mut World, sum: i64) {
    assert_eq!(world.row().merged().state, Some(sum));
}

#[then("it shows nothing")]
fn shows_nothing(world: &mut World) {
    assert_eq!(world.row().merged().state, None);
}

#[then(expr = "{int} event(s) is/are pending")]
fn pending(world: &mut World, count: usize) {
    assert_eq!(world.row().merged().pending_events(), count);
}

#[then(regex = r"^it is (not )?optimistic, durable up to (\d+), with (\d+) pending$")]
fn stands(world: &mut World, not: String, durable: u64, pending: usize) {
    let shown = world.row().merged();
    let found = (shown.is_optimistic(), shown.durable_position, shown.pending_events());
    assert_eq!(found, (not.is_empty(), durable, pending));
}

#[then(regex = r#"^the expectation of "(\w+)" is (confirmed|in conflict|refused|expired)$"#)]
fn became(world: &mut World, id: String, what: String) {
    let is_it = |notice: &Notice| {
        let word = match notice {
            Notice::Confirmed { .. } => "confirmed",
            Notice::Conflict { .. } => "in conflict",
            Notice::Refused { .. } => "refused",
            Notice::Expired { .. } => "expired",
        };
        notice.id() == id && word == what && notice.is_rollback() == (word != "confirmed")
    };
    let about = world.notices.iter().filter(|notice| notice.id() == id).count();
    assert!(world.notices.iter().any(is_it) && about == 1, "{:?}", world.notices);
}

fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let done = Command::new(program).args(arguments).current_dir(crate_dir()).output().ok()?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(
        done.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    Some(said)
}

#[then("the crate has no dependencies")]
fn no_dependencies(_: &mut World) {
    let arguments = ["tree", "-p", "everstep-reactive", "-e", "normal,build", "--prefix", "none"];
    let tree = run(env!("CARGO"), &[&arguments[..], &["--offline"]].concat()).unwrap();
    assert_eq!(tree.lines().count(), 1, "{tree}");
}

/// The one place that looks, and it says so where it does not.
#[then("it compiles for wasm where that target is installed")]
fn compiles_for_wasm(_: &mut World) {
    const WASM: &str = "wasm32-unknown-unknown";
    let installed = run("rustup", &["target", "list", "--installed"]).unwrap_or_default();
    if !installed.lines().any(|target| target == WASM) {
        eprintln!("NOT CHECKED: {WASM} is not installed here, so nothing was compiled for it");
        return;
    }
    let target_dir = crate_dir().join("../../target/wasm").display().to_string();
    let arguments = ["check", "--target", WASM, "--offline", "--target-dir", &target_dir];
    run(env!("CARGO"), &arguments).unwrap();
    eprintln!("checked: compiles for {WASM}");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let features = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/features");
    World::cucumber().fail_on_skipped().with_default_cli().run_and_exit(features).await;
}
