//! Steps about bounded contexts.

use cucumber::{given, then, when};
use everstep_activities::contexts::{Caller, ContextCommand, RelationshipKind, call};
use everstep_engine::log::Query;
use everstep_engine::{ActivityError, BoundedContext, Table};

use crate::shop::{ASK_BACK, LEFT, PLACE, Pieces, RESERVE, STOCK_UP, TRIED, TRY, related, worker};
use crate::world::{World, open};

const NOTES: Table<String> = Table::new("notes", "notes");

fn ada() -> Caller {
    Caller::new("ada", "shop")
}

async fn left(world: &mut World, product: String) -> u32 {
    world.transact(move |tx| call(tx, LEFT, &ada(), &product)).await.unwrap()
}

async fn events(world: &mut World) -> Vec<serde_json::Value> {
    let found = world.transact(|tx| {
        let found = tx.read_events(&Query::default(), 0, 100)?;
        found.iter().map(|event| Ok(serde_json::from_slice(event.data())?)).collect()
    });
    found.await.unwrap()
}

#[given(expr = "{int} pieces of {string} in stock")]
async fn stock(world: &mut World, count: u32, product: String) {
    let more = Pieces { product, count };
    world.transact(move |tx| call(tx, STOCK_UP, &ada(), &more)).await.unwrap();
}

#[then(expr = "it is refused with {string}")]
fn refused(world: &mut World, code: String) {
    assert_eq!(world.refused.as_deref(), Some(code.as_str()));
}

#[when(expr = "a handler of \"orders\" reads the table {string}")]
async fn read_by_name(world: &mut World, table: String) {
    world.transact(move |tx| call(tx, TRY, &ada(), &table)).await;
}

#[when(expr = "a transaction without a context looks for {string} under the same names")]
async fn look_from_outside(world: &mut World, product: String) {
    let stock: Table<u32> = Table::new("inventory", "stock");
    let found = world.transact(move |tx| tx.get(stock, &product)).await.unwrap();
    world.found = found.is_some();
}

#[then("it finds nothing")]
fn found_nothing(world: &mut World) {
    assert!(!world.found);
}

#[when("another type enters as \"inventory\"")]
async fn forge(world: &mut World) {
    struct Forged;
    impl BoundedContext for Forged {
        const NAME: &'static str = "inventory";
    }
    world.transact(|tx| tx.enter(&Forged).map(drop)).await;
}

#[when(
    expr = "a transaction writes \"A\", reserves {int} pieces of {string} in vain, and writes \"C\""
)]
async fn fail_within(world: &mut World, count: u32, product: String) {
    let wanted = Pieces { product, count };
    let done = world.transact(move |tx| {
        tx.put(NOTES, "A", &"kept".to_owned())?;
        let refused = call(tx, RESERVE, &ada(), &wanted).unwrap_err();
        assert_eq!(refused.kind(), "INSUFFICIENT_STOCK");
        tx.put(NOTES, "C", &"kept".to_owned())
    });
    done.await.unwrap();
}

#[then("\"A\" and \"C\" are written")]
async fn written(world: &mut World) {
    let found = world.transact(|tx| Ok((tx.get(NOTES, "A")?, tx.get(NOTES, "C")?))).await.unwrap();
    assert!(found.0.is_some() && found.1.is_some());
}

#[then(expr = "{int} pieces of {string} are in stock")]
async fn in_stock(world: &mut World, count: u32, product: String) {
    assert_eq!(left(world, product).await, count);
}

#[then("no event tells of a reservation")]
async fn no_event(world: &mut World) {
    assert_eq!(events(world).await, Vec::<serde_json::Value>::new());
}

#[when("a transaction nests a part that ends well in one that fails")]
async fn nest(world: &mut World) {
    let done = world.transact(|tx| {
        tx.put(NOTES, "A", &"before".to_owned())?;
        let outer = tx.nested(|tx| {
            tx.put(NOTES, "A", &"outer".to_owned())?;
            tx.nested(|tx| {
                tx.put(NOTES, "A", &"inner".to_owned())?;
                tx.put(NOTES, "B", &"inner".to_owned())
            })?;
            Err::<(), _>(ActivityError::new("no", "changed my mind"))
        });
        assert!(outer.is_err());
        Ok(())
    });
    done.await.unwrap();
}

#[then("nothing of either is left")]
async fn nothing_left(world: &mut World) {
    let found = world.transact(|tx| Ok((tx.get(NOTES, "A")?, tx.get(NOTES, "B")?))).await.unwrap();
    assert_eq!(found, (Some("before".to_owned()), None));
}

#[when(expr = "nobody reserves {int} piece(s) of {string}")]
async fn reserve_as_nobody(world: &mut World, count: u32, product: String) {
    let wanted = Pieces { product, count };
    world.transact(move |tx| call(tx, RESERVE, &Caller::new("", "shop"), &wanted)).await;
}

#[when(expr = "{string} of {string} reserves {int} pieces of {string}")]
async fn reserve_as(world: &mut World, user: String, tenant: String, count: u32, product: String) {
    let (wanted, caller) = (Pieces { product, count }, Caller::new(user, tenant));
    world.transact(move |tx| call(tx, RESERVE, &caller, &wanted)).await.unwrap();
}

#[then(expr = "the reservation was made by {string} of {string}")]
async fn made_by(world: &mut World, user: String, tenant: String) {
    assert_eq!(events(world).await, [serde_json::json!({ "by": user, "tenant": tenant })]);
}

#[when(expr = "{string} of {string} sends {string} to {string}")]
async fn send(world: &mut World, user: String, tenant: String, command: String, context: String) {
    assert_eq!((command.as_str(), context.as_str()), ("DestroyStock", "inventory"));
    let destroy: ContextCommand<(), ()> = ContextCommand::new("inventory", "DestroyStock");
    world.transact(move |tx| call(tx, destroy, &Caller::new(user, tenant), &())).await;
}

#[when(regex = r#"^a handler of "orders" (emits .+|writes .+|returns .+|appends .+)$"#)]
async fn break_contract(world: &mut World, what: String) {
    world.transact(move |tx| call(tx, TRY, &ada(), &what)).await;
}

#[then("nothing of the handler stands")]
async fn nothing_of_it(world: &mut World) {
    let refused = world.refused.clone();
    assert_eq!(events(world).await, Vec::<serde_json::Value>::new());
    let tried = world.transact(|tx| call(tx, TRIED, &ada(), &())).await.unwrap();
    assert_eq!(tried, None);
    world.refused = refused;
}

#[when(expr = "a handler of \"inventory\" calls \"orders\"")]
async fn ask_back(world: &mut World) {
    world.transact(|tx| call(tx, ASK_BACK, &ada(), &())).await;
}

#[when(expr = "a handler of \"orders\" calls \"inventory\" for {int} pieces of {string}")]
async fn place(world: &mut World, count: u32, product: String) {
    let wanted = Pieces { product, count };
    world.transact(move |tx| call(tx, PLACE, &ada(), &wanted)).await.unwrap();
}

#[when(expr = "a worker relates {string} with {string} once more")]
async fn relate(world: &mut World, one: String, other: String) {
    let more = related(&one, &other, RelationshipKind::Partnership);
    let error = open(worker(Some(more))).unwrap_err().to_string();
    let codes = ["DUPLICATE_RELATIONSHIP", "SELF_REFERENCE"];
    world.refused = codes.into_iter().find(|code| error.contains(code)).map(str::to_owned);
}
