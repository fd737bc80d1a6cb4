//! Two bounded contexts for the features: `parcels` sends, `tracking` reads, in a version that is too
//! old on purpose.

use everstep::contexts::{
    Context, ContextCommand, Contract, Relationship, RelationshipKind, WorkerContexts,
};
use everstep::language::{EventSchema, LanguageError, SchemaVersion, WorkerLanguage};
use everstep::{ActivityError, BoundedContext, ContextTable, Worker};
use serde_json::{Value, json};

const V1: SchemaVersion = SchemaVersion::new(1, 0, 0);
const V2: SchemaVersion = SchemaVersion::new(2, 0, 0);
const V3: SchemaVersion = SchemaVersion::new(3, 0, 0);
const SEND: ContextCommand<String, ()> = ContextCommand::new("parcels", "SendParcel");
const PARCELS: ContextTable<Parcels, bool> = ContextTable::new("parcels");
const HEAVY_GRAMS: i64 = 30_000;

struct Parcels(());
impl BoundedContext for Parcels {
    const NAME: &'static str = "parcels";
}

struct Tracking(());
impl BoundedContext for Tracking {
    const NAME: &'static str = "tracking";
}

fn schema(version: SchemaVersion, fields: Value) -> Result<EventSchema, LanguageError> {
    let mut properties = json!({ "parcel": { "type": "string" } });
    let mut required = vec![Value::from("parcel")];
    if let (Some(properties), Value::Object(fields)) = (properties.as_object_mut(), fields) {
        required.extend(fields.keys().cloned().map(Value::from));
        properties.extend(fields);
    }
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    EventSchema::new("ParcelSent", version, schema)
}

/// Exchanges one field for another, which follows from it.
fn exchange(
    mut payload: Value,
    (from, to): (&str, &str),
    change: impl Fn(i64) -> i64,
) -> Result<Value, String> {
    let fields = payload.as_object_mut().ok_or("the payload is no object")?;
    let before = fields.remove(from).and_then(|value| value.as_i64());
    let before = before.ok_or_else(|| format!("`{from}` is no whole number"))?;
    fields.insert(to.to_owned(), json!(change(before)));
    Ok(payload)
}

fn schemas(worker: Worker) -> Worker {
    let (kg, grams) = (json!({ "type": "integer" }), json!({ "type": "integer" }));
    let first = schema(V1, json!({ "kg": kg }));
    let second = schema(V2, json!({ "grams": grams })).map(|event| {
        event
            .upcast_from(V1, |payload| exchange(payload, ("kg", "grams"), |kg| kg * 1_000))
            .downcast_to(V1, |payload| exchange(payload, ("grams", "kg"), |grams| grams / 1_000))
    });
    let third = schema(V3, json!({ "grams": grams, "heavy": { "type": "boolean" } }));
    let third = third.map(|event| {
        event.upcast_from(V2, |mut payload| {
            payload["heavy"] = json!(payload["grams"].as_i64() > Some(HEAVY_GRAMS));
            Ok(payload)
        })
    });
    worker.event_schema(first).event_schema(second).event_schema(third)
}

pub(crate) fn register(worker: Worker) -> Worker {
    let parcels = Contract::new("parcels", V1)
        .description("what was handed over to a carrier")
        .streams("Parcel")
        .commands(["SendParcel"])
        .events(["ParcelSent"])
        .table("parcels", V1)
        .errors(["PARCEL_SENT_ALREADY"]);
    let parcels = Context::new(Parcels(()), parcels).command(SEND, |tx, _, parcel: String| {
        if tx.get(PARCELS, &parcel)?.is_some() {
            return Err(ActivityError::new(
                "PARCEL_SENT_ALREADY",
                format!("{parcel} is on its way"),
            ));
        }
        tx.put(PARCELS, &parcel, &true)
    });
    let tracking = Contract::new("tracking", V1)
        .description("where parcels are")
        .streams("Track")
        .consumes("parcels", "ParcelSent", V1);
    schemas(worker).context(parcels).context(Context::new(Tracking(()), tracking)).relationship(
        Relationship {
            upstream: "parcels".to_owned(),
            downstream: "tracking".to_owned(),
            kind: RelationshipKind::CustomerSupplier,
            description: "tracking follows what parcels sends".to_owned(),
        },
    )
}
