//! The shop's agents, and the model that they ask.

mod churn_risk;
mod consolidation;
mod high_value;
mod low_stock;

use std::net::SocketAddr;
use std::path::Path;

use everstep::Worker;
use everstep::agent::WorkerAgents;
use everstep::llm::{LlmConfigError, LlmPrice, LlmProvider, WorkerLlm};

/// Where the key of a real model's provider is looked for.
const KEY: &str = "OPENROUTER_API_KEY";

/// The provider: a real one, or the scripted one at this address.
pub(crate) fn provider(
    url: Option<&str>,
    ca_file: Option<&Path>,
    scripted: SocketAddr,
) -> Result<LlmProvider, LlmConfigError> {
    match url {
        Some(url) => {
            let provider = LlmProvider::openai_compatible(url)?
                .key_from_env(KEY)
                .model("openai/gpt-4o-mini")
                .price(LlmPrice::new(150_000, 600_000));
            match ca_file {
                Some(path) => provider.ca_file(path),
                None => Ok(provider),
            }
        }
        None => Ok(LlmProvider::openai_compatible(&format!("http://{scripted}/v1"))?
            .model("scripted")
            .price(LlmPrice::new(150_000, 600_000))
            .timeout(std::time::Duration::from_secs(5))),
    }
}

pub(crate) fn register(worker: Worker, provider: LlmProvider) -> Worker {
    worker
        .llm(provider)
        .agent(churn_risk::agent())
        .agent(low_stock::agent())
        .agent(high_value::agent())
        .agent(consolidation::agent())
}

#[cfg(test)]
mod tests;
