//! What a bounded context promises: the commands that it takes, the events that it emits, the state
//! that it keeps, the codes that it refuses with.
//!
//! Invariant: what is printed is what is enforced; [`Context`](super::Context) asks the contract
//! before it calls a handler and before it keeps what the handler did.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ContextError;
use super::error::Declared;
use crate::language::{Consumption, SchemaVersion};

/// A bounded context's contract. In JSON as the rule names its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contract {
    /// Which context it is.
    pub identity: Identity,
    /// How it keeps its state: always `dual-write`, state and event in one commit.
    pub execution_mode: ExecutionMode,
    /// The commands that it takes.
    pub command_types: Vec<String>,
    /// The functions that are called within a transaction, and never sent from outside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<String>,
    /// The types of events that it emits.
    pub event_types: Vec<String>,
    /// The tables of its state, by name, with the version of their rows' schema.
    pub cms_types: BTreeMap<String, SchemaVersion>,
    /// The codes that it refuses commands with.
    pub error_codes: Vec<String>,
    /// The events of other contexts that it reads, and in which version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consumes: Vec<Consumed>,
}

/// Which context a contract is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The context's name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The contract's version.
    pub version: SchemaVersion,
    /// What the types of its streams begin with.
    pub stream_type_prefix: String,
}

/// How a context keeps its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExecutionMode {
    /// State and event in one commit.
    #[default]
    DualWrite,
}

/// An event of another context that is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consumed {
    /// The context that emits it.
    pub from: String,
    /// Which event, in which version.
    #[serde(flatten)]
    pub event: Consumption,
}

impl Contract {
    /// The contract of a context that promises nothing yet. Its streams' types begin with its name.
    pub fn new(name: &str, version: SchemaVersion) -> Self {
        Self {
            identity: Identity {
                name: name.to_owned(),
                description: String::new(),
                version,
                stream_type_prefix: name.to_owned(),
            },
            execution_mode: ExecutionMode::DualWrite,
            command_types: Vec::new(),
            functions: Vec::new(),
            event_types: Vec::new(),
            cms_types: BTreeMap::new(),
            error_codes: Vec::new(),
            consumes: Vec::new(),
        }
    }

    /// What the context is for.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.identity.description = description.into();
        self
    }

    /// What the types of its streams begin with.
    #[must_use]
    pub fn streams(mut self, prefix: impl Into<String>) -> Self {
        self.identity.stream_type_prefix = prefix.into();
        self
    }

    /// Commands that it takes.
    #[must_use]
    pub fn commands<const N: usize>(mut self, names: [&str; N]) -> Self {
        self.command_types.extend(names.map(str::to_owned));
        self
    }

    /// Functions that are called within a transaction, or by an operator; no command reaches them.
    #[must_use]
    pub fn functions<const N: usize>(mut self, names: [&str; N]) -> Self {
        self.functions.extend(names.map(str::to_owned));
        self
    }

    /// Types of events that it emits.
    #[must_use]
    pub fn events<const N: usize>(mut self, names: [&str; N]) -> Self {
        self.event_types.extend(names.map(str::to_owned));
        self
    }

    /// A table of its state, with the version of its rows' schema.
    #[must_use]
    pub fn table(mut self, name: &str, version: SchemaVersion) -> Self {
        self.cms_types.insert(name.to_owned(), version);
        self
    }

    /// Codes that it refuses commands with.
    #[must_use]
    pub fn errors<const N: usize>(mut self, codes: [&str; N]) -> Self {
        self.error_codes.extend(codes.map(str::to_owned));
        self
    }

    /// An event of another context that it reads, in this version.
    #[must_use]
    pub fn consumes(mut self, from: &str, event_type: &str, version: SchemaVersion) -> Self {
        let event = Consumption { event_type: event_type.to_owned(), expected_version: version };
        self.consumes.push(Consumed { from: from.to_owned(), event });
        self
    }

    /// The context's name.
    pub fn name(&self) -> &str {
        &self.identity.name
    }

    /// Refuses a command that the contract does not have.
    ///
    /// # Errors
    /// [`ContextError::UnknownCommandType`].
    pub fn check_command(&self, command: &str) -> Result<(), ContextError> {
        match self.command_types.iter().any(|known| known == command) {
            true => Ok(()),
            false => Err(ContextError::UnknownCommandType {
                context: self.name().to_owned(),
                command: command.to_owned(),
                known: in_words(self.command_types.iter()),
            }),
        }
    }

    /// Refuses what is neither a command nor a function of the contract.
    ///
    /// # Errors
    /// [`ContextError::UnknownCommandType`].
    pub fn check_callable(&self, name: &str) -> Result<(), ContextError> {
        match self.functions.iter().any(|known| known == name) {
            true => Ok(()),
            false => self.check_command(name),
        }
    }

    /// Refuses an event that the contract does not have, or a stream of another context.
    ///
    /// # Errors
    /// [`ContextError::Undeclared`], [`ContextError::ForeignStream`].
    pub fn check_event(
        &self,
        event_type: &str,
        stream_type: Option<&str>,
    ) -> Result<(), ContextError> {
        self.declared(Declared::EventType, event_type, self.event_types.iter())?;
        stream_type.map_or(Ok(()), |stream_type| self.check_stream(stream_type))
    }

    /// Refuses a stream of another context.
    ///
    /// # Errors
    /// [`ContextError::ForeignStream`].
    pub fn check_stream(&self, stream_type: &str) -> Result<(), ContextError> {
        let prefix = &self.identity.stream_type_prefix;
        match stream_type.starts_with(prefix.as_str()) {
            true => Ok(()),
            false => Err(ContextError::ForeignStream {
                context: self.name().to_owned(),
                prefix: prefix.clone(),
                stream_type: stream_type.to_owned(),
            }),
        }
    }

    /// Refuses a table that the contract does not have.
    ///
    /// # Errors
    /// [`ContextError::Undeclared`].
    pub fn check_table(&self, table: &str) -> Result<(), ContextError> {
        self.declared(Declared::CmsType, table, self.cms_types.keys())
    }

    /// Refuses a code that the contract does not have.
    ///
    /// # Errors
    /// [`ContextError::Undeclared`].
    pub fn check_error_code(&self, code: &str) -> Result<(), ContextError> {
        self.declared(Declared::ErrorCode, code, self.error_codes.iter())
    }

    fn declared<'a>(
        &self,
        kind: Declared,
        name: &str,
        known: impl Iterator<Item = &'a String> + Clone,
    ) -> Result<(), ContextError> {
        match known.clone().any(|known| known == name) {
            true => Ok(()),
            false => Err(ContextError::Undeclared {
                context: self.name().to_owned(),
                kind,
                name: name.to_owned(),
                known: in_words(known),
            }),
        }
    }
}

fn in_words<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
