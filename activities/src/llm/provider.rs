//! Where a model is asked, with which key, and at what price.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use everstep_engine::{Extension, Worker};
use hyper::Uri;

use super::LlmPrice;
use super::call::{ASK_LLM, Target};
use crate::circuit_breaker::{Circuit, WorkerCircuits};
use crate::http_client::{Trust, TrustError, can_be_asked};

/// The longest that one attempt waits where nothing else is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How much longer the circuit waits than the provider's own timeout.
const LATER: Duration = Duration::from_secs(5);

/// The circuit breaker around a model's provider: five failures in a row, and it is left alone for a
/// minute.
pub const LLM_CIRCUIT: Circuit =
    Circuit::new("llm-provider").failure_threshold(5).reset_timeout(Duration::from_secs(60));

/// Where the key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The endpoint asks for none.
    None,
    /// The environment variable of that name, read when the worker is put together.
    Environment(String),
}

/// An endpoint that speaks OpenAI's chat completions.
///
/// ```
/// use everstep_activities::llm::{LlmPrice, LlmProvider, WorkerLlm};
/// use everstep_engine::Worker;
///
/// let provider = LlmProvider::openai_compatible("https://openrouter.ai/api/v1")?
///     .key_from_env("OPENROUTER_API_KEY")
///     .model("openai/gpt-4o-mini")
///     .price(LlmPrice::new(150_000, 600_000));
/// let worker = Worker::new().llm(provider);
/// # drop(worker);
/// # Ok::<(), everstep_activities::llm::LlmConfigError>(())
/// ```
#[derive(Clone)]
pub struct LlmProvider {
    pub(super) uri: Uri,
    key_source: KeySource,
    pub(super) key: Option<String>,
    pub(super) model: String,
    price: LlmPrice,
    pub(super) timeout: Duration,
    pub(super) trust: Trust,
}

/// Why an endpoint cannot be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LlmConfigError {
    /// The address is no URL.
    #[error("`{0}` is no URL: {1}")]
    Url(String, hyper::http::uri::InvalidUri),
    /// The URL is not absolute, or its scheme is neither `http` nor `https`.
    #[error("`{0}` is no absolute http:// or https:// URL")]
    Scheme(String),
    /// The authorities that it should trust.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl fmt::Debug for LlmProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LlmProvider")
            .field("uri", &self.uri)
            .field("model", &self.model)
            .field("has_key", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

impl LlmProvider {
    /// The endpoint whose base address this is, such as `https://openrouter.ai/api/v1` or
    /// `http://127.0.0.1:4000/v1`; the path `/chat/completions` is added.
    ///
    /// # Errors
    /// When it is no absolute `http://` or `https://` URL.
    pub fn openai_compatible(base_url: &str) -> Result<Self, LlmConfigError> {
        let whole = format!("{}/chat/completions", base_url.trim_end_matches('/'));
        let uri: Uri =
            whole.parse().map_err(|error| LlmConfigError::Url(base_url.to_owned(), error))?;
        if !can_be_asked(&uri) {
            return Err(LlmConfigError::Scheme(base_url.to_owned()));
        }
        Ok(Self {
            uri,
            key_source: KeySource::None,
            key: None,
            model: "default".to_owned(),
            price: LlmPrice::default(),
            timeout: DEFAULT_TIMEOUT,
            trust: Trust::system(),
        })
    }

    /// Takes the key from an environment variable. Without it the model is not asked at all.
    #[must_use]
    pub fn key_from_env(mut self, variable: &str) -> Self {
        self.key = std::env::var(variable).ok().filter(|key| !key.trim().is_empty());
        self.key_source = KeySource::Environment(variable.to_owned());
        self
    }

    /// Trusts the authorities of a PEM file beside the machine's own.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no certificate.
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Result<Self, LlmConfigError> {
        self.trust = self.trust.with_ca_file(path.as_ref())?;
        Ok(self)
    }

    /// The model that is asked where a request names none.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self
    }

    /// What tokens cost, where the provider does not say what an answer did.
    #[must_use]
    pub const fn price(mut self, price: LlmPrice) -> Self {
        self.price = price;
        self
    }

    /// How long one attempt waits for the whole answer; 30 s where nothing is said.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What tokens cost.
    pub const fn its_price(&self) -> LlmPrice {
        self.price
    }

    /// The model that is asked where a request names none.
    pub fn default_model(&self) -> &str {
        &self.model
    }

    /// Whether it can be asked: it needs no key, or has one.
    pub fn has_what_it_needs(&self) -> bool {
        self.key_source == KeySource::None || self.key.is_some()
    }
}

/// The provider that a worker asks.
#[derive(Debug, Default)]
pub struct Llm {
    provider: Option<LlmProvider>,
    mistake: Option<String>,
}

impl Extension for Llm {
    fn check(&self) -> Result<(), String> {
        self.mistake.clone().map_or(Ok(()), Err)
    }
}

impl Llm {
    /// The provider.
    pub const fn provider(&self) -> Option<&LlmProvider> {
        self.provider.as_ref()
    }
}

/// A worker that asks models.
pub trait WorkerLlm {
    /// Runs [`ASK_LLM`] against this provider.
    #[must_use]
    fn llm(self, provider: LlmProvider) -> Self;
}

impl WorkerLlm for Worker {
    fn llm(self, provider: LlmProvider) -> Self {
        // The provider's own time is over before the circuit's.
        let circuit = LLM_CIRCUIT.call_timeout(provider.timeout + LATER);
        let code = circuit.around(Target::new(&provider).into_activity());
        self.circuit(circuit).activity(ASK_LLM, code).extend(|llm: &mut Llm| {
            if llm.provider.replace(provider).is_some() {
                llm.mistake = Some("a worker asks one LLM provider, and has two".to_owned());
            }
        })
    }
}
