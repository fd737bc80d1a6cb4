//! Personal fields of a command's payload, as its record keeps them.
//!
//! Invariant: what a command says about a person can be shredded like what its events say; a field
//! that cannot be sealed is not kept.

use everstep_engine::{ActivityError, Payload, TransactionContext};
use serde_json::{Value, json};

use crate::fat_events::{SHREDDED, open_fields_in, seal_fields};

/// Which fields are about whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct PersonalFields {
    /// The field with the person's id.
    pub(super) subject: &'static str,
    pub(super) fields: &'static [&'static str],
}

impl PersonalFields {
    /// The payload as it is kept.
    pub(super) fn sealed(
        self,
        tx: &mut TransactionContext<'_>,
        command: &str,
        payload: &Payload,
    ) -> Result<Payload, ActivityError> {
        let Ok(mut value) = payload.to::<Value>() else { return Ok(payload.clone()) };
        let subject = value.get(self.subject).and_then(Value::as_str).map(str::to_owned);
        let sealed = match subject {
            Some(subject) => {
                seal_fields(tx, command, &subject, self.fields.iter().copied(), &mut value)
            }
            None => Err(ActivityError::new("SUBJECT_REQUIRED", "nobody is named")),
        };
        match sealed {
            Ok(()) => {}
            Err(error) if error.kind() == "unavailable" => return Err(error),
            Err(_) => self.blank(&mut value, |_| true),
        }
        Ok(Payload::from_value(&value)?)
    }

    /// Whether a payload that comes again says what the one that is kept says, as far as that can
    /// still be read.
    pub(super) fn says_the_same(
        self,
        tx: &TransactionContext<'_>,
        command: &str,
        (kept, asked): (&Payload, &Payload),
    ) -> bool {
        let (Ok(mut kept), Ok(mut asked)) = (kept.to::<Value>(), asked.to::<Value>()) else {
            return false;
        };
        open_fields_in(tx, command, &mut kept);
        self.blank(&mut asked, |field| kept.get(field) == Some(&shredded()));
        kept == asked
    }

    fn blank(self, value: &mut Value, which: impl Fn(&str) -> bool) {
        for field in self.fields {
            if let Some(found) = value.get_mut(field)
                && which(field)
            {
                *found = shredded();
            }
        }
    }
}

fn shredded() -> Value {
    json!({ SHREDDED: true })
}
