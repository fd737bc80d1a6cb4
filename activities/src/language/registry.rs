//! The published language: which events there are, in which versions, and how one becomes another.
//!
//! Invariant: a version that is registered keeps the promise that it was registered with towards
//! every older version of its event, by its schema or by a migration. Versions only grow, and none is
//! ever changed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::casting::{self, Cast};
use super::compatibility::{Difference, differences, in_words};
use super::samples::samples;
use super::{Compatibility, LanguageError, Schema, SchemaVersion};

/// A version of an event's schema that is to be registered.
#[derive(Clone, Debug)]
pub struct EventSchema {
    pub(super) event_type: String,
    pub(super) version: SchemaVersion,
    pub(super) schema: Schema,
    pub(super) compatibility: Compatibility,
    pub(super) casts: Vec<Cast>,
}

impl EventSchema {
    /// The schema of an event in a version, which promises to be backward compatible.
    ///
    /// # Errors
    /// [`LanguageError::InvalidSchema`].
    pub fn new(
        event_type: impl Into<String>,
        version: SchemaVersion,
        schema: Value,
    ) -> Result<Self, LanguageError> {
        let (event_type, schema) = (event_type.into(), Schema::parse(schema)?);
        let compatibility = Compatibility::default();
        Ok(Self { event_type, version, schema, compatibility, casts: Vec::new() })
    }

    /// What it promises towards older versions.
    #[must_use]
    pub const fn compatibility(mut self, compatibility: Compatibility) -> Self {
        self.compatibility = compatibility;
        self
    }

    /// How a payload of an older version becomes one of this version.
    #[must_use]
    pub fn upcast_from(
        mut self,
        older: SchemaVersion,
        change: impl Fn(Value) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        self.casts.push(Cast::new(older, self.version, change));
        self
    }

    /// How a payload of this version becomes one of an older version.
    #[must_use]
    pub fn downcast_to(
        mut self,
        older: SchemaVersion,
        change: impl Fn(Value) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        self.casts.push(Cast::new(self.version, older, change));
        self
    }
}

/// Events by type, with all their versions.
#[derive(Clone, Debug, Default)]
pub struct Language {
    events: BTreeMap<String, Published>,
}

/// One event type.
#[derive(Clone, Debug, Default)]
pub(super) struct Published {
    pub(super) versions: BTreeMap<SchemaVersion, (Schema, Compatibility)>,
    pub(super) casts: Vec<Cast>,
}

impl Language {
    /// A language without words.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a version. One that is registered already with the same schema changes nothing but
    /// its migrations.
    ///
    /// # Errors
    /// [`LanguageError::BreakingChange`] when it does not keep what it promises,
    /// [`LanguageError::SchemaConflict`] when the version is taken or not the newest.
    pub fn register(&mut self, event: EventSchema) -> Result<(), LanguageError> {
        let EventSchema { event_type, version, schema, compatibility, casts } = event;
        let published = self.events.get(&event_type).cloned().unwrap_or_default();
        let conflict = |why: String| LanguageError::SchemaConflict {
            event_type: event_type.clone(),
            version,
            why,
        };
        if let Some((registered, _)) = published.versions.get(&version) {
            if registered.written() != schema.written() {
                return Err(conflict(
                    "it is registered with another schema; choose a new version".into(),
                ));
            }
        } else if let Some(newest) = published.newest().filter(|newest| *newest > version) {
            return Err(conflict(format!("{newest} is registered, and versions only grow")));
        }
        let mut after = published;
        after
            .casts
            .retain(|known| !casts.iter().any(|new| (new.from, new.to) == (known.from, known.to)));
        after.casts.extend(casts);
        after.versions.insert(version, (schema, compatibility));
        after.keeps_its_promise(&event_type, version)?;
        self.events.insert(event_type, after);
        Ok(())
    }

    /// The registered event types, in order.
    pub fn event_types(&self) -> impl Iterator<Item = &str> {
        self.events.keys().map(String::as_str)
    }

    /// The versions of an event with schema and promise, the oldest first.
    pub fn versions(
        &self,
        event_type: &str,
    ) -> impl DoubleEndedIterator<Item = (SchemaVersion, &Schema, Compatibility)> {
        let versions = self.events.get(event_type).into_iter().flat_map(|event| &event.versions);
        versions.map(|(version, (schema, promise))| (*version, schema, *promise))
    }

    /// The migrations of an event, as pairs of versions.
    pub fn migrations(
        &self,
        event_type: &str,
    ) -> impl Iterator<Item = (SchemaVersion, SchemaVersion)> {
        let casts = self.events.get(event_type).into_iter().flat_map(|event| &event.casts);
        casts.map(|cast| (cast.from, cast.to))
    }

    /// The newest version of an event: what is written now.
    ///
    /// # Errors
    /// [`LanguageError::SchemaNotFound`].
    pub fn current(&self, event_type: &str) -> Result<SchemaVersion, LanguageError> {
        let newest = self.events.get(event_type).and_then(Published::newest);
        newest.ok_or_else(|| self.unknown(event_type, None))
    }

    /// The schema of a version.
    ///
    /// # Errors
    /// [`LanguageError::SchemaNotFound`].
    pub fn schema(
        &self,
        event_type: &str,
        version: SchemaVersion,
    ) -> Result<&Schema, LanguageError> {
        let found = self.events.get(event_type).and_then(|event| event.versions.get(&version));
        found.map(|(schema, _)| schema).ok_or_else(|| self.unknown(event_type, Some(version)))
    }

    /// Refuses a payload that is not what its schema says.
    ///
    /// # Errors
    /// [`LanguageError::SchemaValidationFailed`] names the field.
    pub fn validate(
        &self,
        event_type: &str,
        version: SchemaVersion,
        payload: &Value,
    ) -> Result<(), LanguageError> {
        let schema = self.schema(event_type, version)?;
        schema.shape.check("", payload).map_err(|fault| LanguageError::SchemaValidationFailed {
            event_type: event_type.to_owned(),
            version,
            field: fault.field,
            why: fault.why,
        })
    }

    /// A payload as a reader of version `to` sees it: migrated where a chain of casts leads there,
    /// as it is where that version reads the other one anyhow; what is absent and has a default is
    /// filled in. What is stored stays as it is.
    ///
    /// # Errors
    /// [`LanguageError::NoMigrationPath`], [`LanguageError::MigrationFailed`],
    /// [`LanguageError::SchemaNotFound`].
    pub fn read(
        &self,
        event_type: &str,
        payload: Value,
        from: SchemaVersion,
        to: SchemaVersion,
    ) -> Result<Value, LanguageError> {
        let (writer, reader) = (self.schema(event_type, from)?, self.schema(event_type, to)?);
        let Some(event) = self.events.get(event_type) else {
            return Err(self.unknown(event_type, None));
        };
        let mut payload = match casting::path(&event.casts, from, to) {
            Some(path) => casting::migrate(event_type, &path, payload)?,
            None if differences(reader, writer).is_empty() => payload,
            None => return Err(no_path(event_type, from, to)),
        };
        reader.shape.fill(&mut payload);
        Ok(payload)
    }

    /// The newest version with this major number: what an event's schema number stands for.
    ///
    /// # Errors
    /// [`LanguageError::SchemaNotFound`].
    pub fn newest_of(&self, event_type: &str, major: u32) -> Result<SchemaVersion, LanguageError> {
        let mut found = self.versions(event_type).map(|(version, ..)| version);
        let asked = SchemaVersion::new(major, 0, 0);
        let found = found.rfind(|version| version.major == major);
        found.ok_or_else(|| self.unknown(event_type, Some(asked)))
    }

    /// Whether a newer version is registered than the one that `major` stands for.
    pub(super) fn is_older(&self, event_type: &str, major: u32) -> bool {
        let Some(event) = self.events.get(event_type) else { return false };
        let written = event.versions.keys().rfind(|version| version.major == major);
        written.is_some_and(|written| event.newest() != Some(*written))
    }

    /// As [`Language::validate`] for a payload as it is stored: personal fields may be sealed, or
    /// shredded.
    ///
    /// # Errors
    /// [`LanguageError::SchemaValidationFailed`] names the field.
    pub fn validate_sealed(
        &self,
        event_type: &str,
        version: SchemaVersion,
        payload: &Value,
    ) -> Result<(), LanguageError> {
        let schema = self.schema(event_type, version)?;
        schema.shape.check_sealed("", payload).map_err(|fault| {
            LanguageError::SchemaValidationFailed {
                event_type: event_type.to_owned(),
                version,
                field: fault.field,
                why: fault.why,
            }
        })
    }

    /// Puts in what was registered before, as it was taken then. What the worker declares under the
    /// same version stands above it.
    pub(super) fn restore(
        &mut self,
        event_type: String,
        version: SchemaVersion,
        schema: Schema,
        compatibility: Compatibility,
    ) {
        let event = self.events.entry(event_type).or_default();
        event.versions.entry(version).or_insert((schema, compatibility));
    }

    /// What stands between a consumer of `expected` and what is written in `written`; nothing where
    /// a migration leads there, or the one schema reads the other.
    ///
    /// # Errors
    /// [`LanguageError::SchemaNotFound`].
    pub fn unreadable(
        &self,
        event_type: &str,
        written: SchemaVersion,
        expected: SchemaVersion,
    ) -> Result<Vec<Difference>, LanguageError> {
        let (writer, reader) =
            (self.schema(event_type, written)?, self.schema(event_type, expected)?);
        let casts = self.events.get(event_type).map_or(&[][..], |event| &event.casts);
        match casting::path(casts, written, expected) {
            Some(_) => Ok(Vec::new()),
            None => Ok(differences(reader, writer)),
        }
    }

    /// `count` different valid payloads of a version, always the same ones.
    ///
    /// # Errors
    /// [`LanguageError::TooFewSamples`] when the schema does not have so many.
    pub fn samples(
        &self,
        event_type: &str,
        version: SchemaVersion,
        count: usize,
    ) -> Result<Vec<Value>, LanguageError> {
        samples(self.schema(event_type, version)?, count)
    }

    fn unknown(&self, event_type: &str, version: Option<SchemaVersion>) -> LanguageError {
        let versions: Vec<String> =
            self.versions(event_type).map(|(version, ..)| version.to_string()).collect();
        let known = match versions.is_empty() {
            true => "register one first".to_owned(),
            false => format!("registered: {}", versions.join(", ")),
        };
        LanguageError::SchemaNotFound { event_type: event_type.to_owned(), version, known }
    }
}

impl Published {
    fn newest(&self) -> Option<SchemaVersion> {
        self.versions.last_key_value().map(|(version, _)| *version)
    }

    /// Compares a version with every older one.
    fn keeps_its_promise(&self, event_type: &str, new: SchemaVersion) -> Result<(), LanguageError> {
        let Some((schema, promise)) = self.versions.get(&new) else { return Ok(()) };
        for (older, (old_schema, _)) in self.versions.range(..new) {
            let sides = [
                (promise.reads_old(), schema, old_schema, *older, new, "an upcaster"),
                (promise.read_by_old(), old_schema, schema, new, *older, "a downcaster"),
            ];
            for (promised, reader, writer, from, to, cast) in sides {
                if !promised || casting::path(&self.casts, from, to).is_some() {
                    continue;
                }
                let found = differences(reader, writer);
                if !found.is_empty() {
                    return Err(LanguageError::BreakingChange {
                        event_type: event_type.to_owned(),
                        version: new,
                        compatibility: promise.name(),
                        other: *older,
                        why: in_words(&found),
                        suggestion: format!("register {cast} from {from} to {to} with it"),
                    });
                }
            }
        }
        Ok(())
    }
}

fn no_path(event_type: &str, from: SchemaVersion, to: SchemaVersion) -> LanguageError {
    let cast = if from < to { "an upcaster" } else { "a downcaster" };
    let missing = format!("{cast} from {from} to {to}, or one for each version between");
    LanguageError::NoMigrationPath { event_type: event_type.to_owned(), from, to, missing }
}
