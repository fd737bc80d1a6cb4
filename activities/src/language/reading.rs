//! Events as today's code reads them: written long ago, migrated on the way out.
//!
//! Invariant: what is stored stays as it is. An event of a type that the worker declares no schema
//! of is read as it was written.

use std::borrow::Cow;

use everstep_engine::Engine;
use everstep_engine::log::RecordedEvent;
use serde_json::Value;

use super::{DeclaredLanguage, Language, LanguageError};

/// An event's data in the newest version that is declared of its type.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadEvent {
    /// The data.
    pub data: Value,
    /// The major number of the version that they are in now.
    pub schema_version: u32,
    /// Whether they were written in another one.
    pub is_migrated: bool,
}

impl DeclaredLanguage {
    /// The event as a reader of the newest version sees it.
    ///
    /// # Errors
    /// [`LanguageError::NoMigrationPath`], [`LanguageError::MigrationFailed`].
    pub fn read(&self, event: &RecordedEvent) -> Result<ReadEvent, LanguageError> {
        read(Some(self.language()), event)
    }
}

impl Language {
    /// The event with its data in the newest version; the one that was handed in where that is the
    /// version that it was written in.
    ///
    /// # Errors
    /// [`LanguageError::NoMigrationPath`], [`LanguageError::MigrationFailed`].
    pub fn in_newest<'e>(
        &self,
        event: &'e RecordedEvent,
    ) -> Result<Cow<'e, RecordedEvent>, LanguageError> {
        if !self.is_older(event.event_type(), event.schema_version()) {
            return Ok(Cow::Borrowed(event));
        }
        let read = read(Some(self), event)?;
        Ok(Cow::Owned(event.read_as(read.schema_version, read.data.to_string().as_bytes())))
    }
}

/// The event as a reader of the newest version that the engine's worker declares sees it.
///
/// # Errors
/// [`LanguageError::NoMigrationPath`], [`LanguageError::MigrationFailed`].
pub fn read_newest(engine: &Engine, event: &RecordedEvent) -> Result<ReadEvent, LanguageError> {
    let declared = engine.extension::<DeclaredLanguage>();
    read(declared.map(DeclaredLanguage::language), event)
}

pub(crate) fn read(
    language: Option<&Language>,
    event: &RecordedEvent,
) -> Result<ReadEvent, LanguageError> {
    let (event_type, major) = (event.event_type(), event.schema_version());
    // What an append took is JSON.
    let data = serde_json::from_slice(event.data()).unwrap_or_default();
    let as_written = ReadEvent { data, schema_version: major, is_migrated: false };
    let Some(language) = language else { return Ok(as_written) };
    let (Ok(newest), Ok(written)) =
        (language.current(event_type), language.newest_of(event_type, major))
    else {
        return Ok(as_written);
    };
    if newest == written {
        return Ok(as_written);
    }
    let data = language.read(event_type, as_written.data, written, newest)?;
    Ok(ReadEvent { data, schema_version: newest.major, is_migrated: true })
}
