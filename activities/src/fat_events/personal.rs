//! Personal fields, sealed and opened.
//!
//! ```text
//! {"$sealed": "base64url(key id, 16 ‖ nonce, 12 ‖ AES-256-GCM of the field's JSON ‖ tag, 16)"}
//! ```
//!
//! Bound to namespace, event type and the field's name, so a sealed value means nothing in another
//! place. Nonces are random: 2³² fields of one subject are far from a collision that matters.
//!
//! Invariant: opening never fails a reader. What cannot be opened any more is `{"shredded": true}`.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use everstep_engine::ActivityError;
use serde_json::{Value, json};

use super::SubjectKeys;
use super::key_file::KeyId;

/// The field that says that there was personal data.
pub const SHREDDED: &str = "shredded";
const SEALED: &str = "$sealed";
const TAG: usize = 16;
const NONCE: usize = 12;

/// Whether a value is a sealed field, or one that was shredded.
pub(crate) fn is_sealed(value: &Value) -> bool {
    let Some(fields) = value.as_object().filter(|fields| fields.len() == 1) else { return false };
    fields.get(SEALED).is_some_and(Value::is_string) || fields.get(SHREDDED) == Some(&json!(true))
}

/// Where a sealed field belongs.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) namespace: &'a str,
    pub(super) event_type: &'a str,
}

impl Place<'_> {
    fn bound(&self, field: &str) -> Vec<u8> {
        let mut bound = Vec::new();
        for part in [self.namespace, self.event_type, field] {
            bound.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bound.extend_from_slice(part.as_bytes());
        }
        bound
    }
}

/// Seals one field.
pub(super) fn seal(
    keys: &SubjectKeys,
    id: KeyId,
    (place, field): (Place<'_>, &str),
    value: &Value,
) -> Result<Value, ActivityError> {
    let failed = |what: &str| ActivityError::new("personal_data", what.to_owned());
    let key = keys.key(id).ok_or_else(|| failed("the subject's key is gone"))?;
    let mut text = serde_json::to_vec(value)?;
    let nonce: [u8; NONCE] = rand::random();
    let cipher = Aes256Gcm::new((&*key).into());
    let tag = cipher
        .encrypt_inout_detached(
            &Nonce::from(nonce),
            &place.bound(field),
            text.as_mut_slice().into(),
        )
        .map_err(|_| failed("the field is too large to be sealed"))?;
    let sealed = [id.0.as_slice(), &nonce, &text, &tag].concat();
    Ok(json!({ SEALED: URL_SAFE_NO_PAD.encode(sealed) }))
}

/// Opens every sealed field in a payload; those whose key is gone become `{"shredded": true}`.
pub fn open_personal(keys: &SubjectKeys, namespace: &str, event_type: &str, payload: &mut Value) {
    open_within(keys, Place { namespace, event_type }, "", payload);
}

fn open_within(keys: &SubjectKeys, place: Place<'_>, name: &str, value: &mut Value) {
    if let Some(sealed) = value.get(SEALED).and_then(Value::as_str) {
        if is_sealed(value) {
            *value = open(keys, place, name, sealed).unwrap_or_else(|| json!({ SHREDDED: true }));
        }
        return;
    }
    match value {
        Value::Object(fields) => {
            fields.iter_mut().for_each(|(name, value)| open_within(keys, place, name, value));
        }
        Value::Array(items) => {
            items.iter_mut().for_each(|item| open_within(keys, place, name, item));
        }
        _ => {}
    }
}

fn open(keys: &SubjectKeys, place: Place<'_>, field: &str, sealed: &str) -> Option<Value> {
    let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let (id, rest) = sealed.split_first_chunk::<16>()?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE>()?;
    let (text, tag) = rest.split_last_chunk::<TAG>()?;
    let key = keys.key(KeyId(*id))?;
    let cipher = Aes256Gcm::new((&*key).into());
    let mut text = text.to_vec();
    let bound = place.bound(field);
    let tag = (*tag).into();
    cipher
        .decrypt_inout_detached(&Nonce::from(*nonce), &bound, text.as_mut_slice().into(), &tag)
        .ok()?;
    serde_json::from_slice(&text).ok()
}
