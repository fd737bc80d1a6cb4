#![expect(clippy::needless_pass_by_value, reason = "a test hands over what it made in place")]

use serde_json::{Value, json};

use super::*;

const V1: SchemaVersion = SchemaVersion::new(1, 0, 0);
const V2: SchemaVersion = SchemaVersion::new(2, 0, 0);
const V3: SchemaVersion = SchemaVersion::new(3, 0, 0);

fn order(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

fn v1() -> EventSchema {
    let fields = json!({ "orderId": { "type": "string" }, "total": { "type": "integer" } });
    EventSchema::new("OrderPlaced", V1, order(fields, &["orderId", "total"])).unwrap()
}

fn v2(fields: Value, required: &[&str]) -> EventSchema {
    EventSchema::new("OrderPlaced", V2, order(fields, required)).unwrap()
}

fn fields_of_v1(more: Value) -> Value {
    let mut fields = json!({ "orderId": { "type": "string" }, "total": { "type": "integer" } });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fields
}

fn registered(second: EventSchema) -> Result<Language, LanguageError> {
    let mut language = Language::new();
    language.register(v1())?;
    language.register(second)?;
    Ok(language)
}

fn code(result: Result<Language, LanguageError>) -> &'static str {
    result.err().map_or("ok", |error| error.code())
}

#[test]
fn each_mode_refuses_what_breaks_it() {
    use Compatibility::{Backward, Forward, Full, None};
    let currency = || json!({ "currency": { "type": "string" } });
    let with_default = || json!({ "currency": { "type": "string", "default": "EUR" } });
    let all: &[&str] = &["orderId", "total", "currency"];
    let some: &[&str] = &["orderId", "total"];
    let cases = [
        // A new required field: what is old lacks it, what is new has all that is old.
        (fields_of_v1(currency()), all, [Backward, Full].as_slice()),
        // With a default it can be filled in.
        (fields_of_v1(with_default()), all, &[]),
        // A new optional field harms nobody.
        (fields_of_v1(currency()), some, &[]),
        // A field that old readers require is gone.
        (json!({ "orderId": { "type": "string" } }), &["orderId"], &[Forward, Full]),
        // Wider: new readers take old values, old readers do not take new ones.
        (fields_of_v1(json!({ "total": { "type": "number" } })), some, &[Forward, Full]),
        // Narrower: the other way round.
        (
            fields_of_v1(json!({ "total": { "type": "integer", "minimum": 1 } })),
            some,
            &[Backward, Full],
        ),
        // Another kind of value.
        (fields_of_v1(json!({ "total": { "type": "string" } })), some, &[Backward, Forward, Full]),
    ];
    for (fields, required, refusing) in cases {
        for mode in [Backward, Forward, Full, None] {
            let outcome = registered(v2(fields.clone(), required).compatibility(mode));
            let expected = if refusing.contains(&mode) { "BREAKING_CHANGE" } else { "ok" };
            assert_eq!(code(outcome), expected, "{mode} {fields}");
        }
    }
}

#[test]
fn a_breaking_change_is_taken_with_a_migration() {
    let fields = || json!({ "orderId": { "type": "string" }, "cents": { "type": "integer" } });
    let required = &["orderId", "cents"];
    let error = registered(v2(fields(), required)).unwrap_err();
    assert!(error.to_string().contains("register an upcaster from 1.0.0 to 2.0.0"), "{error}");
    assert!(error.to_string().contains("`cents`"), "{error}");

    let up = |mut payload: Value| {
        let total = payload["total"].as_i64().ok_or("total is no number")?;
        payload["cents"] = json!(total * 100);
        payload.as_object_mut().ok_or("no object")?.remove("total");
        Ok(payload)
    };
    let down = |mut payload: Value| {
        payload["total"] = json!(payload["cents"].as_i64().ok_or("cents is no number")? / 100);
        payload.as_object_mut().ok_or("no object")?.remove("cents");
        Ok(payload)
    };
    let second = v2(fields(), required).compatibility(Compatibility::Full);
    let error = registered(second.clone().upcast_from(V1, up)).unwrap_err();
    assert!(error.to_string().contains("register a downcaster from 2.0.0 to 1.0.0"), "{error}");
    let mut language = registered(second.upcast_from(V1, up).downcast_to(V1, down)).unwrap();
    language
        .register(
            EventSchema::new("OrderPlaced", V3, order(fields(), &["orderId", "cents"]))
                .unwrap()
                .upcast_from(V2, |mut payload| {
                    payload["large"] = json!(payload["cents"].as_i64() > Some(10_000));
                    Ok(payload)
                }),
        )
        .unwrap();

    let old = json!({ "orderId": "o1", "total": 250 });
    let new = language.read("OrderPlaced", old.clone(), V1, V3).unwrap();
    assert_eq!(new, json!({ "orderId": "o1", "cents": 25_000, "large": true }));
    assert_eq!(language.read("OrderPlaced", old.clone(), V1, V1).unwrap(), old);
    language.check_producer("OrderPlaced").unwrap();
    // 3.0.0 has the fields of 2.0.0, but of 1.0.0 not all.
    let seen = language.read("OrderPlaced", new.clone(), V3, V2).unwrap();
    assert_eq!(seen["cents"], 25_000);
    let error = language.read("OrderPlaced", new, V3, V1).unwrap_err();
    assert_eq!(error.code(), "NO_MIGRATION_PATH");
    assert!(error.to_string().contains("from 3.0.0 to 1.0.0"), "{error}");
}

#[test]
fn versions_grow_and_never_change() {
    let mut language = registered(v2(fields_of_v1(json!({})), &["orderId", "total"])).unwrap();
    language.register(v1()).unwrap();
    let fields = json!({ "orderId": { "type": "integer" } });
    let changed = EventSchema::new("OrderPlaced", V1, order(fields, &[])).unwrap();
    let error = language.register(changed).unwrap_err();
    assert_eq!(error.code(), "SCHEMA_CONFLICT");
    let between = SchemaVersion::new(1, 5, 0);
    let late = EventSchema::new("OrderPlaced", between, order(json!({}), &[])).unwrap();
    let error = language.register(late).unwrap_err();
    assert!(error.to_string().contains("versions only grow"), "{error}");
    assert_eq!(language.current("OrderPlaced").unwrap(), V2);
    assert_eq!(language.current("OrderSent").unwrap_err().code(), "SCHEMA_NOT_FOUND");
    assert_eq!(language.schema("OrderPlaced", V3).unwrap_err().code(), "SCHEMA_NOT_FOUND");
}

#[test]
fn a_payload_is_refused_with_the_field_that_is_wrong() {
    let mut language = Language::new();
    let items = json!({ "type": "array", "minItems": 1, "items": {
        "type": "object",
        "properties": { "sku": { "type": "string" }, "count": { "type": "integer", "minimum": 1 } },
        "required": ["sku", "count"], "additionalProperties": false,
    } });
    let status = json!({ "enum": ["new", "paid"] });
    let fields = json!({ "items": items, "status": status, "note": { "type": ["string", "null"], "maxLength": 3 } });
    language.register(EventSchema::new("Cart", V1, order(fields, &["items"])).unwrap()).unwrap();
    let field = |payload: Value| match language.validate("Cart", V1, &payload) {
        Ok(()) => String::new(),
        Err(LanguageError::SchemaValidationFailed { field, .. }) => field,
        Err(other) => panic!("{other}"),
    };
    let item = json!({ "sku": "a", "count": 1.0 });
    assert_eq!(field(json!({ "items": [item], "status": "paid", "note": null, "more": 1 })), "");
    assert_eq!(field(json!({})), "items");
    assert_eq!(field(json!({ "items": [] })), "items");
    assert_eq!(field(json!({ "items": [item, { "sku": "b", "count": 0 }] })), "items[1].count");
    assert_eq!(field(json!({ "items": [{ "sku": "b" }] })), "items[0].count");
    assert_eq!(field(json!({ "items": [{ "sku": "b", "count": 1, "x": 1 }] })), "items[0].x");
    assert_eq!(field(json!({ "items": [item], "status": "lost" })), "status");
    assert_eq!(field(json!({ "items": [item], "note": "long" })), "note");
    assert_eq!(field(json!([])), "");
}

#[test]
fn what_is_not_checked_is_not_taken_for_a_schema() {
    let place = |schema: Value| match Schema::parse(schema) {
        Ok(_) => "ok".to_owned(),
        Err(LanguageError::InvalidSchema { place, why }) => format!("{place}: {why}"),
        Err(other) => panic!("{other}"),
    };
    let nested = json!({ "a": { "type": "string", "pattern": "x" } });
    assert_eq!(place(order(nested, &[])), "a: keyword `pattern` is not understood");
    assert!(place(json!({ "type": "string" })).contains("payloads are objects"));
    assert!(place(json!({})).contains("payloads are objects"));
    assert!(place(json!({ "type": "object", "required": "a" })).contains("list of names"));
    assert!(place(json!({ "type": "objekt" })).contains("no kind"));
    let closed = json!({ "type": "object", "required": ["a"], "additionalProperties": false });
    assert!(place(closed).contains("cannot be there"));
    let mut deep = json!({ "type": "object" });
    for _ in 0..40 {
        deep = json!({ "type": "object", "properties": { "a": deep } });
    }
    assert!(place(deep).contains("deep"));
}

#[test]
fn samples_are_valid_different_and_always_the_same() {
    let mut language = Language::new();
    let fields = json!({
        "id": { "type": "string", "minLength": 8, "maxLength": 12 },
        "kind": { "enum": ["a", "b"] },
        "count": { "type": "integer", "minimum": 3, "maximum": 5 },
        "price": { "type": "number", "maximum": 10 },
        "tags": { "type": "array", "items": { "type": "string" }, "minItems": 2 },
        "paid": { "type": "boolean" },
        "nothing": { "type": "null" },
        "address": order(json!({ "city": { "type": "string" } }), &["city"]),
    });
    let schema = order(fields, &["id", "kind", "free"]);
    language.register(EventSchema::new("Order", V1, schema).unwrap()).unwrap();
    let samples = language.samples("Order", V1, 200).unwrap();
    for sample in &samples {
        language.validate("Order", V1, sample).unwrap();
    }
    let texts: std::collections::BTreeSet<String> = samples.iter().map(Value::to_string).collect();
    assert_eq!(texts.len(), 200);
    assert_eq!(language.samples("Order", V1, 200).unwrap(), samples);

    let narrow = order(json!({ "on": { "type": "boolean" } }), &["on"]);
    language.register(EventSchema::new("Switch", V1, narrow).unwrap()).unwrap();
    let error = language.samples("Switch", V1, 3).unwrap_err();
    assert_eq!(error, LanguageError::TooFewSamples { found: 2, asked: 3 });
    language.check_producer("Switch").unwrap();
}

#[test]
fn a_consumer_that_cannot_read_what_is_written_is_found() {
    let second = v2(json!({ "orderId": { "type": "string" } }), &["orderId"]);
    let mut language = registered(second).unwrap();
    let reads =
        |expected_version| Consumption { event_type: "OrderPlaced".into(), expected_version };
    language.check_consumer("shipping", &reads(V2)).unwrap();
    let error = language.check_consumer("shipping", &reads(V1)).unwrap_err();
    assert_eq!(error.code(), "SCHEMA_MISMATCH");
    assert!(error.to_string().contains("register downcaster from 2.0.0 to 1.0.0"), "{error}");

    let second = v2(json!({ "orderId": { "type": "string" } }), &["orderId"]);
    let wrong = second.clone().downcast_to(V1, |mut payload| {
        payload["total"] = json!("free");
        Ok(payload)
    });
    language.register(wrong).unwrap();
    let error = language.check_consumer("shipping", &reads(V1)).unwrap_err();
    assert_eq!(error.code(), "SCHEMA_VALIDATION_FAILED");
    let right = second.downcast_to(V1, |mut payload| {
        payload["total"] = json!(0);
        Ok(payload)
    });
    language.register(right).unwrap();
    language.check_consumer("shipping", &reads(V1)).unwrap();
}

#[test]
fn defaults_are_filled_in_where_they_are_read() {
    let fields = fields_of_v1(json!({ "currency": { "type": "string", "default": "EUR" } }));
    let language = registered(v2(fields, &["orderId", "total", "currency"])).unwrap();
    let old = json!({ "orderId": "o1", "total": 5 });
    let read = language.read("OrderPlaced", old, V1, V2).unwrap();
    assert_eq!(read, json!({ "orderId": "o1", "total": 5, "currency": "EUR" }));
}

#[test]
fn personal_fields_are_known_by_their_paths() {
    let schema = json!({ "type": "object", "x-subject": "customerId", "properties": {
        "customerId": { "type": "string" },
        "email": { "type": "string", "x-pii": true },
        "people": { "type": "array", "items": { "type": "object", "properties": {
            "name": { "type": "string", "x-pii": true } } } },
    } });
    let schema = Schema::parse(schema).unwrap();
    assert_eq!(schema.personal_fields(), ["email", "people[].name"]);
    assert_eq!(schema.subject_field(), Some("customerId"));
}
