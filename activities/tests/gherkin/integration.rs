//! Steps about other systems, schemas and fat events.

use cucumber::{then, when};
use everstep_activities::fat_events::{FatEvent, check_publication, open_event_in};
use everstep_activities::language::{EventSchema, SchemaVersion, language, register_schema};
use everstep_activities::{Translator, ValueMap, decimal, minor_units};
use everstep_engine::log::{Append, Category, Expected, Query, StreamId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::world::World;

const V1: SchemaVersion = SchemaVersion::new(1, 0, 0);

#[derive(Serialize, Deserialize)]
struct Answer {
    id: String,
    status: String,
    amount: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Status {
    Paid,
    Declined,
}

pub(crate) struct Payment {
    charge: String,
    status: Status,
    cents: i64,
}

fn translator() -> Translator<Answer, Payment> {
    let text = json!({ "type": "string" });
    let schema = json!({
        "type": "object",
        "properties": { "id": text, "status": text, "amount": text },
        "required": ["id", "status", "amount"],
    });
    let status =
        ValueMap::new("status", [("succeeded", Status::Paid), ("failed", Status::Declined)]);
    let back = status.clone();
    let inbound = move |answer: Answer| {
        let cents = minor_units("amount", &answer.amount, 2)?;
        Ok(Payment { charge: answer.id, status: status.inbound(&answer.status)?, cents })
    };
    let outbound = move |payment: &Payment| {
        let status = back.outbound(&payment.status)?.to_owned();
        Ok(Answer { id: payment.charge.clone(), status, amount: decimal(payment.cents, 2) })
    };
    Translator::new("payments", schema, inbound, outbound).unwrap()
}

#[when(regex = r"^the payment service answers (.+)$")]
fn answers(world: &mut World, answer: String) {
    let answer: Value = serde_json::from_str(&answer).unwrap();
    match translator().inbound(&answer) {
        Ok(payment) => world.payment = Some(payment),
        Err(error) => {
            world.refused = Some(error.code().to_owned());
            world.at = error.field().to_owned();
        }
    }
}

#[then(expr = "it is refused with {string} at {string}")]
fn refused_at(world: &mut World, code: String, field: String) {
    assert_eq!((world.refused.as_deref(), world.at.as_str()), (Some(&*code), field.as_str()));
}

#[then(expr = "the payment is of {int} cents")]
fn is_of(world: &mut World, cents: i64) {
    assert_eq!(world.payment.as_ref().unwrap().cents, cents);
}

#[then(regex = r"^it goes back as (.+)$")]
fn goes_back(world: &mut World, answer: String) {
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(translator().outbound(world.payment.as_ref().unwrap()).unwrap(), answer);
}

#[when(expr = "{int} samples of {string} are made")]
async fn samples(world: &mut World, count: usize, event_type: String) {
    let schema = json!({
        "type": "object",
        "properties": { "by": { "type": "string" }, "count": { "type": "integer", "minimum": 1 } },
        "required": ["by"],
    });
    let event = EventSchema::new(&*event_type, V1, schema).unwrap();
    let done = world.transact(move |tx| {
        register_schema(tx, event)?;
        let language = language(tx)?;
        let samples = language.samples(&event_type, V1, count)?;
        for sample in &samples {
            language.validate(&event_type, V1, sample)?;
        }
        Ok(samples)
    });
    world.samples = done.await.unwrap();
    assert_eq!(world.samples.len(), count);
}

#[then("each of them is valid and no two are equal")]
fn different(world: &mut World) {
    let texts: std::collections::BTreeSet<String> =
        world.samples.iter().map(Value::to_string).collect();
    assert_eq!(texts.len(), world.samples.len());
}

#[when(expr = "the catalogue renames {string} to {string} in a fat event")]
async fn rename(world: &mut World, product: String, name: String) {
    let schema = json!({
        "type": "object",
        "properties": { "product": { "type": "object", "properties": {
            "id": { "type": "string" }, "name": { "type": "string" }, "cents": { "type": "integer" },
        }, "required": ["id", "name", "cents"] } },
        "required": ["product"],
    });
    let event = EventSchema::new("ProductRenamed", V1, schema).unwrap();
    let entity = json!({ "id": product, "name": name, "cents": 4_200, "supplier": "secret" });
    let done = world.transact(move |tx| {
        register_schema(tx, event)?;
        let event = FatEvent::new("ProductRenamed")
            .embed_entity("product", &entity, &["id", "name", "cents"])?
            .build(tx)?;
        let stream = StreamId::new("catalogue.Product", product);
        tx.append(Append::to(stream, Expected::Any, vec![event])).map(drop)
    });
    done.await.unwrap();
}

#[then(expr = "a consumer that knows the event alone shows {string} at {int} cents")]
async fn shows(world: &mut World, name: String, cents: i64) {
    let seen = world.transact(|tx| {
        let events = tx.read_events(&Query::default(), 0, 10)?;
        assert_eq!(events[0].category(), Category::Fat);
        Ok(open_event_in(tx, &events[0])?)
    });
    let seen = seen.await.unwrap();
    assert_eq!(seen["product"]["name"], name);
    assert_eq!(seen["product"]["cents"], cents);
    assert_eq!(seen["product"].get("supplier"), None);
}

#[when(expr = "{string} is told by {string} with a {word} event")]
async fn told(world: &mut World, to: String, from: String, kind: String) {
    let category = if kind == "fat" { Category::Fat } else { Category::Domain };
    world.transact(move |tx| check_publication(tx, &from, &to, "StockReserved", category)).await;
}

#[then("it is not refused")]
fn not_refused(world: &mut World) {
    assert_eq!(world.refused, None);
}
