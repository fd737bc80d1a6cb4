//! Migrations of payloads from one version to another, one step each, chained.
//!
//! Invariant: a cast is a pure function of the payload. What is stored is never changed by it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::{LanguageError, SchemaVersion};

type Change = dyn Fn(Value) -> Result<Value, String> + Send + Sync;

/// One step from a version to another: up to a newer or down to an older one.
#[derive(Clone)]
pub struct Cast {
    pub(super) from: SchemaVersion,
    pub(super) to: SchemaVersion,
    change: Arc<Change>,
}

impl Cast {
    /// The step that `change` makes; its error says why a payload cannot be migrated.
    pub fn new(
        from: SchemaVersion,
        to: SchemaVersion,
        change: impl Fn(Value) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        Self { from, to, change: Arc::new(change) }
    }

    /// `upcast` or `downcast`.
    pub fn direction(&self) -> &'static str {
        if self.from < self.to { "upcast" } else { "downcast" }
    }
}

impl fmt::Debug for Cast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cast({} -> {})", self.from, self.to)
    }
}

/// The shortest chain of casts between two versions, which only goes up or only goes down; empty for
/// the same version.
pub(super) fn path(casts: &[Cast], from: SchemaVersion, to: SchemaVersion) -> Option<Vec<&Cast>> {
    let up = from < to;
    let mut reached: BTreeMap<SchemaVersion, Option<&Cast>> = BTreeMap::from([(from, None)]);
    let mut waiting = VecDeque::from([from]);
    while let Some(at) = waiting.pop_front() {
        if at == to {
            break;
        }
        let steps = casts.iter().filter(|cast| cast.from == at && (cast.from < cast.to) == up);
        for cast in steps.filter(|cast| if up { cast.to <= to } else { cast.to >= to }) {
            reached.entry(cast.to).or_insert_with(|| {
                waiting.push_back(cast.to);
                Some(cast)
            });
        }
    }
    let mut path = Vec::new();
    let mut at = to;
    while at != from {
        let cast = (*reached.get(&at)?)?;
        path.push(cast);
        at = cast.from;
    }
    path.reverse();
    Some(path)
}

/// Migrates a payload along a chain.
pub(super) fn migrate(
    event_type: &str,
    path: &[&Cast],
    payload: Value,
) -> Result<Value, LanguageError> {
    path.iter().try_fold(payload, |payload, cast| {
        (cast.change)(payload).map_err(|why| LanguageError::MigrationFailed {
            event_type: event_type.to_owned(),
            from: cast.from,
            to: cast.to,
            why,
        })
    })
}
