#![expect(clippy::needless_pass_by_value, reason = "a test hands over what it made in place")]

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;

#[derive(Serialize, Deserialize)]
struct Theirs {
    id: String,
    status: String,
    amount: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Status {
    Paid,
    Declined,
    Disputed,
}

#[derive(Debug, PartialEq)]
struct Payment {
    charge: String,
    status: Status,
    cents: i64,
}

fn translator() -> Translator<Theirs, Payment> {
    let schema = json!({
        "type": "object",
        "properties": {
            "id": { "type": "string", "minLength": 1 },
            "status": { "type": "string" },
            "amount": { "type": "string" },
        },
        "required": ["id", "status", "amount"],
    });
    let status =
        ValueMap::new("status", [("succeeded", Status::Paid), ("failed", Status::Declined)]);
    let back = status.clone();
    let inbound = move |theirs: Theirs| {
        let cents = minor_units("amount", &theirs.amount, 2)?;
        Ok(Payment { charge: theirs.id, status: status.inbound(&theirs.status)?, cents })
    };
    let outbound = move |ours: &Payment| {
        let status = back.outbound(&ours.status)?.to_owned();
        Ok(Theirs { id: ours.charge.clone(), status, amount: decimal(ours.cents, 2) })
    };
    Translator::new("payments.example", schema, inbound, outbound).unwrap()
}

fn refusal(theirs: Value) -> (&'static str, String) {
    let error = translator().inbound(&theirs).unwrap_err();
    (error.code(), error.field().to_owned())
}

#[test]
fn both_directions_give_the_same_back() {
    let translator = translator();
    for (status, amount) in [("succeeded", "0.01"), ("failed", "-12.30"), ("succeeded", "700.00")] {
        let theirs = json!({ "id": "ch_1", "status": status, "amount": amount });
        let ours = translator.inbound(&theirs).unwrap();
        assert_eq!(translator.outbound(&ours).unwrap(), theirs);
    }
}

#[test]
fn what_has_no_meaning_is_refused_and_never_guessed() {
    let answer =
        |status: &str, amount: &str| json!({ "id": "ch_1", "status": status, "amount": amount });
    let unmapped = ("UNMAPPED_VALUE", "status".to_owned());
    assert_eq!(refusal(answer("reversed", "1.00")), unmapped);
    let missing = json!({ "id": "ch_1", "amount": "1.00" });
    assert_eq!(refusal(missing), ("INVALID_EXTERNAL_RESPONSE", "status".into()));
    let amount = ("INVALID_EXTERNAL_RESPONSE", "amount".to_owned());
    for wrong in ["1.001", "1,00", "", ".5", "1.", "1e3", "99999999999999999999"] {
        assert_eq!(refusal(answer("succeeded", wrong)), amount, "{wrong}");
    }
    let error = translator().inbound(&answer("succeeded", "x")).unwrap_err();
    assert!(error.to_string().contains("payments.example"), "{error}");

    let ours = Payment { charge: "ch_1".into(), status: Status::Disputed, cents: 1 };
    assert_eq!(translator().outbound(&ours).unwrap_err().code(), "UNMAPPED_VALUE");
    let ours = Payment { charge: String::new(), status: Status::Paid, cents: 1 };
    let error = translator().outbound(&ours).unwrap_err();
    assert_eq!((error.code(), error.field()), ("INVALID_EXTERNAL_REQUEST", "id"));
}

#[test]
fn a_refusal_is_a_final_failure_that_names_the_field() {
    let theirs = json!({ "id": "ch_1", "status": "reversed", "amount": "1.00" });
    let failure = translator().inbound(&theirs).unwrap_err().into_failure();
    assert_eq!(failure.kind(), "UNMAPPED_VALUE");
    let json = serde_json::to_value(failure.failure()).unwrap();
    assert_eq!((&json["field"], &json["non_retryable"]), (&json!("status"), &json!(true)));
}
