//! Process managers: what there is, and events handed to one again.

use everstep_workflows::process_manager::ProcessManagerInfo;
use serde::Deserialize;

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;

const PROCESS_MANAGERS: &str = "/api/v1/process-managers";

impl Client {
    /// All process managers, by name.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn process_managers(&self) -> Result<Vec<ProcessManagerInfo>, ClientError> {
        #[derive(Deserialize)]
        struct Found {
            process_managers: Vec<ProcessManagerInfo>,
        }
        let call = Call::get(Path::new(PROCESS_MANAGERS));
        let found: Found = self.connection.send(call).await?.to()?;
        Ok(found.process_managers)
    }

    /// Hands an event to a process manager again; answers how many commands it sent that had not been
    /// sent before.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn redeliver(&self, name: &str, position: u64) -> Result<u64, ClientError> {
        #[derive(Deserialize)]
        struct Redelivered {
            sent: u64,
        }
        let path = Path::new(PROCESS_MANAGERS).segment(name).segment("redeliver");
        let body = serde_json::json!({ "position": position }).to_string();
        let redelivered: Redelivered = self.connection.send(Call::post(path, body)).await?.to()?;
        Ok(redelivered.sent)
    }
}
