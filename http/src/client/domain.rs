//! Contexts and their contracts, schemas, reservations, stream ids, subjects.

use everstep_activities::contexts::{Contract, MigrationView};
use everstep_activities::language::{ContractViolation, StoredSchema};
use everstep_activities::reservations::{Reservation, ReservationKey};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;
use crate::Timestamp;

const CONTEXTS: &str = "/api/v1/contexts";
const RESERVATIONS: &str = "/api/v1/reservations";
const SCHEMAS: &str = "/api/v1/schemas";
const SUBJECTS: &str = "/api/v1/subjects";

/// What a check of contracts found.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct ContractReport {
    /// How many sides of contracts were checked.
    pub checked: usize,
    /// Those that do not hold.
    pub violations: Vec<ContractViolation>,
}

impl Client {
    async fn fetch<T: DeserializeOwned>(&self, call: Call) -> Result<T, ClientError> {
        self.connection.send(call).await?.to()
    }

    /// The bounded contexts of the server's worker, as it shows them.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn contexts(&self) -> Result<Vec<Value>, ClientError> {
        #[derive(Deserialize)]
        struct Found {
            contexts: Vec<Value>,
        }
        let found: Found = self.fetch(Call::get(Path::new(CONTEXTS))).await?;
        Ok(found.contexts)
    }

    /// A context's contract.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn contract(&self, context: &str) -> Result<Contract, ClientError> {
        self.fetch(Call::get(Path::new(CONTEXTS).segment(context).segment("contract"))).await
    }

    /// Calls a function of a context with what it takes; answers what it returns.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn call_function(
        &self,
        context: &str,
        function: &str,
        input: &Value,
    ) -> Result<Value, ClientError> {
        let path = Path::new(CONTEXTS).segment(context).segment("functions").segment(function);
        self.fetch(Call::post(path, input.to_string())).await
    }

    /// The migrations of the server's worker, and how far they are.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn migrations(&self) -> Result<Vec<MigrationView>, ClientError> {
        #[derive(Deserialize)]
        struct Found {
            migrations: Vec<MigrationView>,
        }
        let found: Found = self.fetch(Call::get(Path::new("/api/v1/migrations"))).await?;
        Ok(found.migrations)
    }

    /// How contexts relate.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn context_map(&self) -> Result<Value, ClientError> {
        self.fetch(Call::get(Path::new("/api/v1/context-map"))).await
    }

    /// Checks the contracts of producers and consumers; what does not hold is recorded.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn check_contracts(&self) -> Result<ContractReport, ClientError> {
        self.fetch(Call::post(Path::new("/api/v1/admin/contracts/check"), "{}")).await
    }

    /// The recorded violations, the newest first.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn contract_violations(
        &self,
        since: Option<Timestamp>,
    ) -> Result<Vec<ContractViolation>, ClientError> {
        #[derive(Deserialize)]
        struct Found {
            violations: Vec<ContractViolation>,
        }
        let path = Path::new("/api/v1/admin/contract-violations").parameter("since", since);
        let found: Found = self.fetch(Call::get(path)).await?;
        Ok(found.violations)
    }

    /// The schemas, as the server shows them; of one event type, or of all.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn schemas(&self, event_type: Option<&str>) -> Result<Vec<Value>, ClientError> {
        #[derive(Deserialize)]
        struct Found {
            schemas: Vec<Value>,
        }
        if let Some(event_type) = event_type {
            let one = self.fetch(Call::get(Path::new(SCHEMAS).segment(event_type))).await?;
            return Ok(vec![one]);
        }
        let found: Found = self.fetch(Call::get(Path::new(SCHEMAS))).await?;
        Ok(found.schemas)
    }

    /// Registers a version of an event's schema.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn register_schema(
        &self,
        event_type: &str,
        version: &str,
        compatibility: Option<&str>,
        schema: &Value,
    ) -> Result<StoredSchema, ClientError> {
        let body = json!({
            "event_type": event_type, "version": version, "compatibility": compatibility,
            "schema": schema,
        });
        self.fetch(Call::post(Path::new(SCHEMAS), body.to_string())).await
    }

    /// Holds a value for a while.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn reserve(
        &self,
        key: &ReservationKey,
        ttl_ms: u64,
        holder: Option<&str>,
    ) -> Result<Reservation, ClientError> {
        let (kind, value) = (key.kind(), key.value());
        let body = json!({ "type": kind, "value": value, "ttl_ms": ttl_ms, "holder": holder });
        self.fetch(Call::post(Path::new(RESERVATIONS), body.to_string())).await
    }

    /// The newest reservation of a key.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn reservation_of(
        &self,
        key: &ReservationKey,
    ) -> Result<Option<Reservation>, ClientError> {
        #[derive(Deserialize)]
        struct Found {
            reservations: Vec<Reservation>,
        }
        let path = Path::new(RESERVATIONS).parameter("key", Some(key));
        let found: Found = self.fetch(Call::get(path)).await?;
        Ok(found.reservations.into_iter().next())
    }

    /// A reservation, by its id.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn reservation(&self, id: &str) -> Result<Reservation, ClientError> {
        self.fetch(Call::get(Path::new(RESERVATIONS).segment(id))).await
    }

    /// Gives a reserved value to an entity for good.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn confirm_reservation(
        &self,
        id: &str,
        entity_id: &str,
    ) -> Result<Reservation, ClientError> {
        let body = json!({ "entity_id": entity_id }).to_string();
        self.fetch(Call::post(Path::new(RESERVATIONS).segment(id).segment("confirm"), body)).await
    }

    /// Gives a reservation back.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn release_reservation(&self, id: &str) -> Result<Reservation, ClientError> {
        self.fetch(Call::post(Path::new(RESERVATIONS).segment(id).segment("release"), "{}")).await
    }

    /// The stream id that follows from a business key.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn stream_id(
        &self,
        entity_type: &str,
        parts: &[&str],
    ) -> Result<String, ClientError> {
        #[derive(Deserialize)]
        struct Made {
            stream_id: String,
        }
        let body = json!({ "entity_type": entity_type, "key": parts }).to_string();
        let made: Made = self.fetch(Call::post(Path::new("/api/v1/stream-ids"), body)).await?;
        Ok(made.stream_id)
    }

    /// Whether a subject's personal data can be read.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn subject(&self, id: &str) -> Result<Value, ClientError> {
        self.fetch(Call::get(Path::new(SUBJECTS).segment(id))).await
    }

    /// Makes a subject's personal data unreadable, for good.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn shred_subject(&self, id: &str) -> Result<Value, ClientError> {
        self.fetch(Call::delete(Path::new(SUBJECTS).segment(id))).await
    }
}
