//! Circuit breakers: how they stand, opened and closed by hand.

use everstep_activities::circuit_breaker::CircuitView;
use serde::Deserialize;

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;

const CIRCUITS: &str = "/api/v1/circuits";

impl Client {
    /// All circuits, by name.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn circuits(&self) -> Result<Vec<CircuitView>, ClientError> {
        #[derive(Deserialize)]
        struct Found {
            circuits: Vec<CircuitView>,
        }
        let found: Found = self.connection.send(Call::get(Path::new(CIRCUITS))).await?.to()?;
        Ok(found.circuits)
    }

    /// Opens a circuit, for its usual time.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn open_circuit(&self, name: &str) -> Result<CircuitView, ClientError> {
        let path = Path::new(CIRCUITS).segment(name).segment("open");
        self.connection.send(Call::post(path, "{}")).await?.to()
    }

    /// Closes a circuit.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn close_circuit(&self, name: &str) -> Result<CircuitView, ClientError> {
        let path = Path::new(CIRCUITS).segment(name).segment("close");
        self.connection.send(Call::post(path, "{}")).await?.to()
    }
}
