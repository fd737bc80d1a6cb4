//! Runs `tests/features` of this crate: the store's promises, on a disk that loses power.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::needless_pass_by_value, reason = "a step is handed the text that it matched")]

use cucumber::{World as _, given, then, when};
use everstep_storage::testing::{Fault, FaultDisk, Honesty, Random};
use everstep_storage::{
    Batch, EmbeddedConfig, EmbeddedStore, Snapshot, Store, StoreError, Table, Threads,
};

const SEATS: Table = Table::new(7, "seats");

#[derive(Default, cucumber::World)]
struct World {
    disk: Option<FaultDisk>,
    store: Option<EmbeddedStore>,
    snapshot: Option<Box<dyn Snapshot>>,
    committed: Option<Result<(), StoreError>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("committed", &self.committed).finish_non_exhaustive()
    }
}

impl World {
    fn open(&mut self, disk: FaultDisk) {
        let config = EmbeddedConfig { min_free_bytes: 0, ..EmbeddedConfig::default() };
        self.store = Some(EmbeddedStore::open_with(disk.clone(), config, Threads::None).unwrap());
        self.disk = Some(disk);
    }

    fn store(&self) -> &EmbeddedStore {
        self.store.as_ref().unwrap()
    }

    fn commit(&mut self, batch: Batch) {
        self.committed = Some(self.store().commit(batch).map(drop));
    }
}

fn row(snapshot: &dyn Snapshot, name: &str) -> Option<String> {
    let value = snapshot.get(SEATS, name.as_bytes()).unwrap();
    value.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

#[given("a store")]
fn store(world: &mut World) {
    world.open(FaultDisk::new(Honesty::Honest));
}

fn set(world: &mut World, name: &str, value: &str) {
    let mut batch = Batch::new();
    batch.put(SEATS, name.as_bytes(), value.as_bytes());
    world.commit(batch);
}

#[when(expr = "{string} is set to {string}")]
fn is_set(world: &mut World, name: String, value: String) {
    set(world, &name, &value);
    assert!(matches!(world.committed, Some(Ok(()))), "{:?}", world.committed);
}

#[when(expr = "{string} is set to {string} all the same")]
fn is_set_all_the_same(world: &mut World, name: String, value: String) {
    set(world, &name, &value);
}

#[when(expr = "the disk fails and {string} is set to {string}")]
fn is_set_on_a_bad_disk(world: &mut World, name: String, value: String) {
    world.disk.as_ref().unwrap().fail_after(0, Fault::Io);
    set(world, &name, &value);
}

#[when(expr = "a batch sets {string} to {string} if {string} is absent")]
fn is_set_if_absent(world: &mut World, name: String, value: String, other: String) {
    let mut batch = Batch::new();
    batch.assert_absent(SEATS, other.as_bytes());
    batch.put(SEATS, name.as_bytes(), value.as_bytes());
    world.commit(batch);
}

#[when("a snapshot is taken")]
fn snapshot(world: &mut World) {
    world.snapshot = Some(world.store().snapshot().unwrap());
}

#[when("the power is lost and the store opened again")]
fn power_loss(world: &mut World) {
    let disk = world.disk.take().unwrap().after_power_loss(&mut Random::new(7));
    world.open(disk);
}

#[then(expr = "{string} is {string}")]
fn is(world: &mut World, name: String, value: String) {
    assert_eq!(row(&*world.store().snapshot().unwrap(), &name), Some(value));
}

#[then(expr = "{string} was {string} in the snapshot")]
fn was(world: &mut World, name: String, value: String) {
    assert_eq!(row(&**world.snapshot.as_ref().unwrap(), &name), Some(value));
}

#[then(expr = "{string} is absent")]
fn absent(world: &mut World, name: String) {
    assert_eq!(row(&*world.store().snapshot().unwrap(), &name), None);
}

#[then("the batch is refused")]
fn refused(world: &mut World) {
    assert!(matches!(world.committed, Some(Err(StoreError::Refused(_)))), "{:?}", world.committed);
}

#[then("the commit is not acknowledged")]
fn unacknowledged(world: &mut World) {
    assert!(matches!(world.committed, Some(Err(_))), "{:?}", world.committed);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let features = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/features");
    World::cucumber().fail_on_skipped().with_default_cli().run_and_exit(features).await;
}
