//! `reservations`, `stream-id`, `subjects`, `schemas`: the domain's own rules by hand.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use everstep_activities::reservations::{Reservation, ReservationKey};

use super::remote::{CliError, RemoteArgs, print, print_json};
use super::values;
use crate::Payload;

fn key(text: &str) -> Result<ReservationKey, String> {
    text.parse().map_err(|error: crate::ActivityError| error.failure().message.clone())
}

/// What is done with reservations.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum ReservationsCommand {
    /// Hold a value for a while.
    Reserve {
        /// What is reserved, such as email:alice@example.com.
        #[arg(value_name = "TYPE:VALUE", value_parser = key)]
        key: ReservationKey,
        /// For how long (5m, 1h).
        #[arg(long, value_name = "TIME", value_parser = values::duration)]
        ttl: Duration,
        /// Who reserves.
        #[arg(long, value_name = "TEXT")]
        holder: Option<String>,
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Show the newest reservation of a value.
    Show {
        /// What is reserved, such as email:alice@example.com.
        #[arg(value_name = "TYPE:VALUE", value_parser = key)]
        key: ReservationKey,
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Give a reserved value to an entity for good.
    Confirm {
        /// The reservation's id.
        #[arg(value_name = "RESERVATION_ID")]
        id: String,
        /// The entity that gets the value.
        #[arg(value_name = "ENTITY_ID")]
        entity_id: String,
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Give a reservation back.
    Release {
        /// The reservation's id.
        #[arg(value_name = "RESERVATION_ID")]
        id: String,
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

impl ReservationsCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::Reserve { key, ttl, holder, remote } => remote.run(async |client| {
                let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
                said(remote, &client.reserve(key, ttl_ms, holder.as_deref()).await?)
            }),
            Self::Show { key, remote } => remote.run(async |client| {
                let found = client.reservation_of(key).await?;
                let none = || CliError::Failed(format!("nobody has reserved `{key}`"));
                said(remote, &found.ok_or_else(none)?)
            }),
            Self::Confirm { id, entity_id, remote } => remote.run(async |client| {
                said(remote, &client.confirm_reservation(id, entity_id).await?)
            }),
            Self::Release { id, remote } => {
                remote.run(async |client| said(remote, &client.release_reservation(id).await?))
            }
        }
    }
}

fn said(remote: &RemoteArgs, reservation: &Reservation) -> Result<ExitCode, CliError> {
    let Reservation { reservation_id, key, status, expires_at, entity_id, .. } = reservation;
    let of = entity_id.as_ref().map(|entity| format!(", of {entity}")).unwrap_or_default();
    match remote.json {
        true => print_json(reservation)?,
        false => {
            print(&format!(
                "{reservation_id}  {key}  {}{of}  (until {expires_at})",
                status.name()
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The flags of `stream-id`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct StreamIdArgs {
    /// The kind of entity, such as User.
    #[arg(value_name = "ENTITY_TYPE")]
    entity_type: String,
    /// The business key; several parts where it has several.
    #[arg(value_name = "KEY", required = true)]
    parts: Vec<String>,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl StreamIdArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let parts: Vec<&str> = self.parts.iter().map(String::as_str).collect();
            let id = client.stream_id(&self.entity_type, &parts).await?;
            match self.remote.json {
                true => print_json(&serde_json::json!({ "stream_id": id }))?,
                false => print(&id)?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// What is done with subjects.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum SubjectsCommand {
    /// Show whether a subject's personal data can be read.
    Show {
        /// The subject's id, as the events have it.
        #[arg(value_name = "SUBJECT")]
        id: String,
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Make a subject's personal data unreadable. There is no way back.
    Shred {
        /// The subject's id, as the events have it.
        #[arg(value_name = "SUBJECT")]
        id: String,
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

impl SubjectsCommand {
    pub(super) fn run(&self) -> ExitCode {
        let (Self::Show { remote, .. } | Self::Shred { remote, .. }) = self;
        remote.run(async |client| {
            let subject = match self {
                Self::Show { id, .. } => client.subject(id).await?,
                Self::Shred { id, .. } => client.shred_subject(id).await?,
            };
            match remote.json {
                true => print_json(&subject)?,
                false => {
                    let text = |name: &str| subject[name].as_str().unwrap_or_default();
                    print(&format!("{}  {}", text("subject_hash"), text("status")))?;
                }
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// What is done with schemas.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum SchemasCommand {
    /// List the events that have a schema.
    List {
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Show all versions of an event's schema.
    Show {
        /// The event type.
        #[arg(value_name = "EVENT_TYPE")]
        event_type: String,
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Register a version; refused when it does not keep what it promises.
    Register {
        /// The event type.
        #[arg(value_name = "EVENT_TYPE")]
        event_type: String,
        /// The version, such as 1.0.0.
        #[arg(value_name = "VERSION")]
        version: String,
        /// The schema: JSON, `@file`, or `-` for standard input.
        #[arg(value_name = "SCHEMA", value_parser = values::json)]
        schema: Payload,
        /// backward (the default), forward, full or none.
        #[arg(long, value_name = "MODE")]
        compatibility: Option<String>,
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

impl SchemasCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::List { remote } => remote.run(async |client| {
                let schemas = client.schemas(None).await?;
                match remote.json {
                    true => print_json(&serde_json::json!({ "schemas": schemas }))?,
                    false => schemas.iter().try_for_each(|one| {
                        let text = |name: &str| one[name].as_str().unwrap_or_default();
                        print(&format!("{}  {}", text("eventType"), text("current")))
                    })?,
                }
                Ok(ExitCode::SUCCESS)
            }),
            Self::Show { event_type, remote } => remote.run(async |client| {
                for one in client.schemas(Some(event_type)).await? {
                    print_json(&one)?;
                }
                Ok(ExitCode::SUCCESS)
            }),
            Self::Register { event_type, version, schema, compatibility, remote } => {
                remote.run(async |client| {
                    let schema =
                        schema.to().map_err(|error| CliError::Failed(error.to_string()))?;
                    let mode = compatibility.as_deref();
                    let stored = client.register_schema(event_type, version, mode, &schema).await?;
                    match remote.json {
                        true => print_json(&stored)?,
                        false => print(&format!("registered {event_type} {version}"))?,
                    }
                    Ok(ExitCode::SUCCESS)
                })
            }
        }
    }
}
