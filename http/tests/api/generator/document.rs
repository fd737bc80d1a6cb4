//! The OpenAPI document as a source of requests.

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

use super::request::RawRequest;
use super::text;

/// The server's description of itself.
pub(super) struct Document {
    whole: Value,
    pub(super) operations: Vec<Operation>,
}

/// One method of one route.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    method: String,
    pub(super) route: String,
    parameters: Vec<Value>,
    body: Option<Value>,
    /// The statuses that it may answer with.
    pub(super) statuses: Vec<u16>,
}

impl Document {
    pub(super) fn read(whole: Value) -> Self {
        let mut operations = Vec::new();
        for (route, methods) in whole["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let responses = operation["responses"].as_object().unwrap();
                operations.push(Operation {
                    method: method.to_uppercase(),
                    route: route.clone(),
                    parameters: operation["parameters"].as_array().cloned().unwrap_or_default(),
                    body: operation
                        .pointer("/requestBody/content/application~1json/schema")
                        .cloned(),
                    statuses: responses.keys().map(|status| status.parse().unwrap()).collect(),
                });
            }
        }
        Self { whole, operations }
    }

    /// A value that the schema allows.
    fn value(&self, schema: &Value, rng: &mut StdRng, depth: usize) -> Value {
        if let Some(target) = schema["$ref"].as_str() {
            return self.value(self.whole.pointer(&target[1..]).unwrap(), rng, depth);
        }
        if let Some(choices) = schema["enum"].as_array() {
            return choices[rng.random_range(0..choices.len())].clone();
        }
        for union in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[union].as_array() {
                return self.value(&choices[rng.random_range(0..choices.len())], rng, depth);
            }
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds[rng.random_range(0..kinds.len())].clone(),
            kind => kind.clone(),
        };
        match kind.as_str() {
            Some("object") => self.object(schema, rng, depth),
            Some("array") => json!([]),
            Some("string") => json!(text::odd(rng)),
            Some("integer") => json!(rng.random_range(0..50)),
            Some("number") => json!(rng.random_range(0.0..1.0)),
            Some("boolean") => json!(rng.random_bool(0.5)),
            Some("null") => Value::Null,
            _ => any(rng, depth),
        }
    }

    fn object(&self, schema: &Value, rng: &mut StdRng, depth: usize) -> Value {
        let required = schema["required"].as_array();
        let mut object = Map::new();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let is_required =
                required.is_some_and(|required| required.iter().any(|field| field == name));
            if is_required || rng.random_bool(0.4) {
                object.insert(name.clone(), self.value(field, rng, depth + 1));
            }
        }
        if schema.get("properties").is_none() && rng.random_bool(0.5) {
            object.insert(text::odd(rng), any(rng, depth + 1));
        }
        Value::Object(object)
    }
}

impl Operation {
    /// A request that the document allows; names and ids are mostly ones that exist.
    pub(super) fn request(&self, document: &Document, rng: &mut StdRng) -> RawRequest {
        let mut path = self.route.clone();
        let mut query = Vec::new();
        let mut headers = vec![("host".to_owned(), "localhost".to_owned())];
        for parameter in &self.parameters {
            let name = parameter["name"].as_str().unwrap();
            let kind = parameter["in"].as_str().unwrap();
            if kind == "path" {
                let value = text::encoded(&text::known(name, rng), rng);
                path = path.replace(&format!("{{{name}}}"), &value);
            } else if rng.random_bool(0.3) {
                let value = match document.value(&parameter["schema"], rng, 0) {
                    Value::String(text) => text,
                    value => value.to_string(),
                };
                match kind {
                    "query" => query.push((name.to_owned(), text::encoded(&value, rng))),
                    _ => headers.push((name.to_owned(), value.replace(char::is_control, "?"))),
                }
            }
        }
        let body = self.body.as_ref().map(|schema| {
            let mut body = document.value(schema, rng, 0);
            if body.get("type").is_some() && rng.random_bool(0.9) {
                body["type"] = json!(text::known("type", rng));
            }
            body.to_string().into_bytes()
        });
        let method = self.method.clone();
        RawRequest { method, path, query, headers, body, raw: None, broken_syntax: false }
    }
}

/// Any JSON.
pub(super) fn any(rng: &mut StdRng, depth: usize) -> Value {
    match rng.random_range(0..if depth > 4 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => json!(rng.random_bool(0.5)),
        2 => json!(rng.random_range(-1_000_000..1_000_000_i64)),
        3 => json!(rng.random_range(-1e300..1e300_f64)),
        4 => json!(text::odd(rng)),
        5 => (0..rng.random_range(0..4)).map(|_| any(rng, depth + 1)).collect(),
        _ => {
            let fields = 0..rng.random_range(0..4);
            fields.map(|_| (text::odd(rng), any(rng, depth + 1))).collect::<Map<_, _>>().into()
        }
    }
}
