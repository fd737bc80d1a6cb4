//! What a model is asked, and what it is heard to say.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LlmPrice;

/// Who says something in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LlmRole {
    /// The program, about how to answer.
    System,
    /// The program, about what is asked.
    User,
    /// The model.
    Assistant,
}

/// One thing that was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LlmMessage {
    /// By whom.
    pub role: LlmRole,
    /// The words.
    pub content: String,
}

impl LlmMessage {
    /// Words of somebody.
    pub fn new(role: LlmRole, content: impl Into<String>) -> Self {
        Self { role, content: content.into() }
    }
}

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LlmRequest {
    /// The model; the provider's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What was said so far, the question last.
    pub messages: Vec<LlmMessage>,
    /// The shape of the answer, as JSON Schema; an object at its root.
    pub schema: Value,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
    /// Names the question to the provider, however often it is tried; the activity's own key when
    /// absent, which is another one each time that a workflow asks again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

impl LlmRequest {
    /// What the question costs at the most, in millionths of a dollar: a token is never shorter than
    /// a byte of text, and the answer no longer than was asked for.
    pub fn most_micro_usd(&self, price: LlmPrice) -> u64 {
        // Each message is wrapped in a few tokens of its own.
        let said: usize = self.messages.iter().map(|message| message.content.len() + 16).sum();
        let shape = self.schema.to_string().len();
        price.micro_usd((said + shape) as u64, u64::from(self.max_tokens))
    }
}

/// What an answer took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LlmUsage {
    /// Tokens of the question.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
    /// What both cost, in millionths of a dollar.
    pub cost_micro_usd: u64,
}

/// An answer of the shape that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LlmAnswer {
    /// What was answered.
    pub content: Value,
    /// The model that answered, as the provider names it.
    pub model: String,
    /// What it took.
    pub usage: LlmUsage,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}
