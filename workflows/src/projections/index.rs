//! Rows found by what is in them: an index of the fields that a projection declares.
//!
//! Invariants: an index row is written by the transaction that writes its row. An index is used
//! only where it has been kept since the shelf's first row; one that was declared later is there,
//! and not believed until a rebuild has filled another shelf with it.

use everstep_engine::{
    ActivityError, Keys, Payload, Rejection, RowSnapshot, Table, TransactionContext,
};
use serde_json::Value;

use super::ProjectionCode;
use super::rows::Shelf;

/// Under projection, field, value and key.
pub(crate) const INDEX: Table<()> = Table::new("everstep", "projection_index");
/// The fields that are indexed from the first row on, by shelf.
pub(crate) const INDEXED: Table<Vec<String>> = Table::new("everstep", "projection_indexes");
/// A value that is longer has no index row: in bytes of JSON text.
const LONGEST_VALUE: usize = 256;

/// The value of a field, as a path with dots, in the form in which it is compared.
pub(super) fn text_at(state: &Value, path: &str) -> Option<String> {
    let found = path.split('.').try_fold(state, |value, part| value.get(part))?;
    match found {
        Value::String(text) => Some(text.clone()),
        other => serde_json::to_string(other).ok(),
    }
}

/// The prefix of the index rows of a value.
fn prefix(shelf: Shelf<'_>, field: &str, value: &str) -> String {
    // Lengths first: whatever is in them, no value's rows lie among another's.
    shelf.key(&format!("{}:{field}={}:{value}/", field.len(), value.len()))
}

fn terms(code: &ProjectionCode, shelf: Shelf<'_>, state: Option<&Payload>) -> Vec<String> {
    let Some(state) = state.filter(|_| !code.indexes.is_empty()) else { return Vec::new() };
    let Ok(state) = state.to::<Value>() else { return Vec::new() };
    let values = code.indexes.iter().filter_map(|field| Some((field, text_at(&state, field)?)));
    let values = values.filter(|(_, value)| value.len() <= LONGEST_VALUE);
    values.map(|(field, value)| prefix(shelf, field, &value)).collect()
}

/// Keeps the index of a row that changes.
pub(crate) fn keep(
    tx: &mut TransactionContext<'_>,
    (code, shelf): (&ProjectionCode, Shelf<'_>),
    key: &str,
    before: Option<&Payload>,
    after: Option<&Payload>,
) -> Result<(), ActivityError> {
    let (before, after) = (terms(code, shelf, before), terms(code, shelf, after));
    for gone in before.iter().filter(|term| !after.contains(term)) {
        tx.delete(INDEX, &format!("{gone}{key}"))?;
    }
    for new in after.iter().filter(|term| !before.contains(term)) {
        tx.put(INDEX, &format!("{new}{key}"), &())?;
    }
    Ok(())
}

/// Notes which fields are indexed, when the shelf has no row yet.
pub(crate) fn begin(
    tx: &mut TransactionContext<'_>,
    (code, shelf): (&ProjectionCode, Shelf<'_>),
    position: u64,
) -> Result<(), ActivityError> {
    if position == 0 && !code.indexes.is_empty() {
        let fields = code.indexes.iter().map(|field| (*field).to_owned()).collect();
        tx.put(INDEXED, &shelf.key(""), &fields)?;
    }
    Ok(())
}

/// The prefix of the index rows that answer a query about one of these fields, if there are any.
pub(super) fn usable(
    snapshot: &RowSnapshot,
    (code, shelf): (&ProjectionCode, Shelf<'_>),
    fields: &[(String, String)],
) -> Result<Option<String>, Rejection> {
    if code.indexes.is_empty() || fields.is_empty() {
        return Ok(None);
    }
    let whole = snapshot.get(INDEXED, &shelf.key(""))?.unwrap_or_default();
    let found = fields.iter().find(|(field, value)| {
        let is_declared = code.indexes.contains(&field.as_str());
        is_declared && whole.contains(field) && value.len() <= LONGEST_VALUE
    });
    Ok(found.map(|(field, value)| prefix(shelf, field, value)))
}

/// At most `limit` keys of rows under an index prefix, that begin with `begins` and come after
/// `after`.
pub(super) fn keys(
    snapshot: &RowSnapshot,
    prefix: &str,
    begins: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<String>, Rejection> {
    let mut keys = Keys::prefix(format!("{prefix}{begins}")).limit(limit);
    if let Some(after) = after {
        keys = keys.after(format!("{prefix}{after}"));
    }
    let found = snapshot.range(INDEX, &keys)?;
    Ok(found.into_iter().map(|(key, ())| key[prefix.len()..].to_owned()).collect())
}
