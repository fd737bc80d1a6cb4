//! Building fat events.

use std::collections::BTreeSet;

use everstep_engine::log::{Category, NewEvent};
use everstep_engine::{ActivityError, Payload, TransactionContext};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::personal::{self, Place};
use super::subjects;
use crate::contexts::{ContextError, Contexts};
use crate::language::{LanguageError, Schema, language};

/// An event that carries all that a consumer needs, in the version that is registered now.
///
/// ```
/// use everstep_activities::fat_events::FatEvent;
/// use everstep_engine::{ActivityError, TransactionContext, log::NewEvent};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Customer { id: String, name: String, credit_limit: u64 }
/// #[derive(Serialize)]
/// struct Line { sku: String, count: u32, cost: u64 }
///
/// fn placed(
///     tx: &mut TransactionContext<'_>,
///     customer: &Customer,
///     lines: &[Line],
/// ) -> Result<NewEvent, ActivityError> {
///     FatEvent::new("OrderPlaced")
///         .field("order_id", "ord-1")?
///         .embed_entity("customer", customer, &["id", "name"])?
///         .embed_collection("lines", lines, &["sku", "count"])?
///         .tag("order:ord-1")
///         .build(tx)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct FatEvent {
    event_type: String,
    payload: Map<String, Value>,
    tags: Vec<String>,
}

fn refused(code: &str, what: impl std::fmt::Display) -> ActivityError {
    ActivityError::new(code, what).non_retryable()
}

impl FatEvent {
    /// An event of a type that is registered, without anything in it.
    pub fn new(event_type: impl Into<String>) -> Self {
        Self { event_type: event_type.into(), payload: Map::new(), tags: Vec::new() }
    }

    /// An event of a type that is registered, with these fields.
    pub fn of_fields(event_type: impl Into<String>, fields: Map<String, Value>) -> Self {
        Self { payload: fields, ..Self::new(event_type) }
    }

    /// One field.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub fn field(mut self, name: &str, value: impl Serialize) -> Result<Self, ActivityError> {
        self.payload.insert(name.to_owned(), serde_json::to_value(value)?);
        Ok(self)
    }

    /// These fields of an entity, as they are now.
    ///
    /// # Errors
    /// `FIELD_NOT_FOUND` when the entity has no field of such a name.
    pub fn embed_entity(
        mut self,
        name: &str,
        entity: &impl Serialize,
        fields: &[&str],
    ) -> Result<Self, ActivityError> {
        let entity = serde_json::to_value(entity)?;
        self.payload.insert(name.to_owned(), chosen(name, &entity, fields)?);
        Ok(self)
    }

    /// These fields of each entity.
    ///
    /// # Errors
    /// As [`FatEvent::embed_entity`].
    pub fn embed_collection<T: Serialize>(
        mut self,
        name: &str,
        entities: &[T],
        fields: &[&str],
    ) -> Result<Self, ActivityError> {
        let entities = entities.iter().map(|entity| {
            let entity = serde_json::to_value(entity)?;
            chosen(name, &entity, fields)
        });
        let entities = entities.collect::<Result<Vec<_>, ActivityError>>()?;
        self.payload.insert(name.to_owned(), Value::Array(entities));
        Ok(self)
    }

    /// What it is found by.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// The event, ready to be appended: checked against the newest version of its schema, which it
    /// carries, and with its personal fields sealed under their subject's key.
    ///
    /// # Errors
    /// `SCHEMA_NOT_FOUND` for a type that is not registered, `SCHEMA_VALIDATION_FAILED` with the
    /// field, `PERSONAL_DATA_EXPOSED` when personal data stands in a tag as well,
    /// `SUBJECT_SHREDDED`.
    pub fn build(self, tx: &mut TransactionContext<'_>) -> Result<NewEvent, ActivityError> {
        let Self { event_type, payload, tags } = self;
        let language = language(tx)?;
        let version = language.current(&event_type).map_err(LanguageError::into_failure)?;
        let mut payload = Value::Object(payload);
        language.validate(&event_type, version, &payload).map_err(LanguageError::into_failure)?;
        let schema = language.schema(&event_type, version).map_err(LanguageError::into_failure)?;
        seal_personal(tx, &event_type, schema, &mut payload, &tags)?;
        let metadata = json!({
            "schemaVersion": version,
            "timestamp": tx.now(),
            "tags": tags,
        });
        let mut event = NewEvent::new(event_type, payload.to_string());
        event.category = Category::Fat;
        event.schema_version = version.major;
        event.tags = tags.into_iter().map(String::into_boxed_str).collect();
        event.metadata = metadata.to_string().into();
        Ok(event)
    }
}

fn chosen(name: &str, entity: &Value, fields: &[&str]) -> Result<Value, ActivityError> {
    let chosen = fields.iter().map(|field| match entity.get(field) {
        Some(value) => Ok(((*field).to_owned(), value.clone())),
        None => Err(refused("FIELD_NOT_FOUND", format!("`{name}` has no field `{field}`"))),
    });
    Ok(Value::Object(chosen.collect::<Result<_, ActivityError>>()?))
}

/// Seals what the schema marks as personal.
fn seal_personal(
    tx: &mut TransactionContext<'_>,
    event_type: &str,
    schema: &Schema,
    payload: &mut Value,
    tags: &[String],
) -> Result<(), ActivityError> {
    let fields = schema.personal_fields();
    if fields.is_empty() {
        return Ok(());
    }
    let subject = schema.subject_field().and_then(|name| payload.get(name)).and_then(Value::as_str);
    let Some(subject) = subject.map(str::to_owned) else {
        let what = format!(
            "{event_type} has personal fields, and its schema's `x-subject` names no text field of it"
        );
        return Err(refused("SUBJECT_REQUIRED", what));
    };
    let mut plain = BTreeSet::new();
    for field in &fields {
        let path: Vec<&str> = field.split('.').collect();
        visit(payload, &path, &mut |_, value| {
            texts(value, &mut plain);
            Ok(())
        })?;
    }
    // What must not be readable for ever must not be found by, either.
    if let Some(tag) = tags.iter().find(|tag| plain.iter().any(|text| tag.contains(text.as_str())))
    {
        let shown = tag.split(':').next().unwrap_or_default();
        let what = format!("tag `{shown}:…` of {event_type} has personal data in it: use its hash");
        return Err(refused("PERSONAL_DATA_EXPOSED", what));
    }
    seal_fields(tx, event_type, &subject, fields.iter().map(String::as_str), payload)
}

/// Seals fields under their subject's key, bound to the type of what they stand in.
pub(crate) fn seal_fields<'f>(
    tx: &mut TransactionContext<'_>,
    within: &str,
    subject: &str,
    fields: impl Iterator<Item = &'f str>,
    payload: &mut Value,
) -> Result<(), ActivityError> {
    let (key, keys) = (subjects::key_of(tx, subject)?, subjects::keys(tx)?);
    let namespace = tx.namespace().to_owned();
    let place = Place { namespace: &namespace, event_type: within };
    for field in fields {
        let path: Vec<&str> = field.split('.').collect();
        visit(payload, &path, &mut |name, value| {
            *value = personal::seal(&keys, key, (place, name), value)?;
            Ok(())
        })?;
    }
    Ok(())
}

/// Texts that are long enough to mean somebody.
fn texts(value: &Value, found: &mut BTreeSet<String>) {
    const SHORTEST: usize = 3;
    match value {
        Value::String(text) if text.len() >= SHORTEST => drop(found.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

type Change<'a> = dyn FnMut(&str, &mut Value) -> Result<(), ActivityError> + 'a;

/// Calls `change` with each value at the path, and the last field's name; `a[]` goes into a list.
fn visit(value: &mut Value, path: &[&str], change: &mut Change<'_>) -> Result<(), ActivityError> {
    let Some((first, rest)) = path.split_first() else { return Ok(()) };
    let (name, in_list) = first.strip_suffix("[]").map_or((*first, false), |name| (name, true));
    let Some(found) = value.get_mut(name) else { return Ok(()) };
    let each = match (in_list, found) {
        (true, Value::Array(items)) => items.iter_mut().collect(),
        (true, _) => Vec::new(),
        (false, found) => vec![found],
    };
    for found in each {
        match rest.is_empty() {
            true => change(name, found)?,
            false => visit(found, rest, change)?,
        }
    }
    Ok(())
}

/// Refuses to tell another context something by an event that does not carry it: a consumer would
/// have to ask back.
///
/// # Errors
/// `THIN_EVENT_NOT_ALLOWED`, `UNDECLARED_RELATIONSHIP`.
pub fn check_publication(
    tx: &TransactionContext<'_>,
    from: &str,
    to: &str,
    event_type: &str,
    category: Category,
) -> Result<(), ActivityError> {
    if from == to {
        return Ok(());
    }
    if category != Category::Fat {
        let what = format!(
            "{event_type} is a {} event, and context `{to}` is told by fat events only: it must not \
             have to ask `{from}` back",
            category.name()
        );
        let failure = refused("THIN_EVENT_NOT_ALLOWED", what);
        let details = json!({ "category": category.name(), "from": from, "to": to });
        return Err(match Payload::from_value(&details) {
            Ok(details) => failure.with_details(details),
            Err(_) => failure,
        });
    }
    match tx.extension::<Contexts>() {
        Some(contexts) => contexts.map().check_use(to, from).map_err(ContextError::into_failure),
        None => Ok(()),
    }
}
