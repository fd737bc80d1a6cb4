//! One question to a large language model, answered with JSON of a shape that was asked for.
//!
//! Any endpoint that speaks OpenAI's chat completions will do. [`LlmProvider`] says where it is,
//! [`ASK_LLM`] is the activity that a workflow asks by, [`LlmErrorCode`] what can go wrong.
//!
//! Invariants: an attempt sends one request and never repeats it; the key stands in the process and
//! in the request's header, in no history and no log; what is answered has the shape that was asked
//! for, with its tokens and its cost counted, or it is an error that carries them.

mod answer;
mod call;
mod error;
mod price;
mod provider;
mod request;

pub use call::ASK_LLM;
pub use error::LlmErrorCode;
pub use price::LlmPrice;
pub use provider::{KeySource, LLM_CIRCUIT, Llm, LlmConfigError, LlmProvider, WorkerLlm};
pub use request::{LlmAnswer, LlmMessage, LlmRequest, LlmRole, LlmUsage};
