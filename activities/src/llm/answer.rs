//! Reads a chat completion: its usage first, then what was said, which must have the shape that was
//! asked for.

use everstep_engine::ActivityError;
use serde::Deserialize;
use serde_json::Value;

use super::error::{Details, failed};
use super::{LlmAnswer, LlmErrorCode, LlmPrice, LlmRequest, LlmUsage};
use crate::language::Schema;

/// How much of a strange answer stands in an error, in bytes.
const EXCERPT_BYTES: usize = 300;

#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    model: String,
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Usage,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    /// Dollars, where the provider says so.
    cost: Option<f64>,
}

impl Usage {
    fn counted(&self, price: LlmPrice) -> LlmUsage {
        let by_tokens = price.micro_usd(self.prompt_tokens, self.completion_tokens);
        let said = self.cost.filter(|cost| cost.is_finite() && *cost >= 0.0);
        // Far below 2^53 for whatever anybody pays.
        let cost_micro_usd = said.map_or(by_tokens, |cost| (cost * 1e6).ceil() as u64);
        LlmUsage {
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.completion_tokens,
            cost_micro_usd,
        }
    }
}

pub(super) fn read(
    body: &[u8],
    asked: &LlmRequest,
    price: LlmPrice,
    duration_ms: u64,
) -> Result<LlmAnswer, ActivityError> {
    let invalid = |what: String, usage: Option<LlmUsage>| {
        let details = Details { usage, ..Details::default() };
        failed(LlmErrorCode::InvalidResponse, what, &details)
    };
    let completion: Completion = serde_json::from_slice(body)
        .map_err(|error| invalid(format!("no chat completion: {error}"), None))?;
    let usage = completion.usage.counted(price);
    let said = completion.choices.into_iter().next().and_then(|choice| choice.message.content);
    let said = said.ok_or_else(|| invalid("the model said nothing".to_owned(), Some(usage)))?;
    let content: Value = serde_json::from_str(without_fence(&said)).map_err(|error| {
        let excerpt = excerpt(said.as_bytes());
        invalid(format!("what the model said is no JSON ({error}): {excerpt}"), Some(usage))
    })?;
    let schema = Schema::parse(asked.schema.clone())
        .map_err(|error| ActivityError::new("invalid_input", error).non_retryable())?;
    if let Err(fault) = schema.check(&content) {
        let what = format!("field `{}` of the model's answer: {}", fault.field, fault.why);
        return Err(invalid(what, Some(usage)));
    }
    Ok(LlmAnswer { content, model: completion.model, usage, duration_ms })
}

/// Some models wrap JSON as they would in a text.
fn without_fence(said: &str) -> &str {
    let said = said.trim();
    let Some(inner) = said.strip_prefix("```") else { return said };
    let inner = inner.strip_prefix("json").unwrap_or(inner);
    inner.strip_suffix("```").unwrap_or(inner).trim()
}

/// The beginning of a text that may be long, or none.
pub(super) fn excerpt(text: &[u8]) -> String {
    let cut = &text[..text.len().min(EXCERPT_BYTES)];
    String::from_utf8_lossy(cut).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked() -> LlmRequest {
        let schema = json!({
            "type": "object",
            "properties": { "confidence": { "type": "number", "minimum": 0, "maximum": 1 } },
            "required": ["confidence"],
        });
        LlmRequest {
            model: None,
            messages: Vec::new(),
            schema,
            max_tokens: 10,
            idempotency_key: None,
        }
    }

    fn answered(content: &str, usage: &Value) -> Result<LlmAnswer, ActivityError> {
        let choice = json!({ "message": { "role": "assistant", "content": content } });
        let body = json!({ "model": "m", "choices": [choice], "usage": usage }).to_string();
        read(body.as_bytes(), &asked(), LlmPrice::new(1_000_000, 2_000_000), 5)
    }

    #[test]
    fn an_answer_is_counted_and_checked() {
        let usage = json!({ "prompt_tokens": 10, "completion_tokens": 4 });
        for content in [r#"{"confidence":0.5}"#, "```json\n{\"confidence\":0.5}\n```"] {
            let answer = answered(content, &usage).unwrap();
            assert_eq!(answer.content["confidence"], 0.5);
            assert_eq!(answer.usage.cost_micro_usd, 18);
        }
        let said = answered(r#"{"confidence":0}"#, &json!({ "cost": 0.000_001_5 })).unwrap();
        assert_eq!(said.usage.cost_micro_usd, 2);
    }

    #[test]
    fn what_has_another_shape_is_an_error_that_says_what_it_cost() {
        let usage = json!({ "prompt_tokens": 10, "completion_tokens": 4 });
        for content in ["high", r#"{"confidence":1.5}"#, "{}"] {
            let error = answered(content, &usage).unwrap_err();
            assert_eq!(error.kind(), "LLM_INVALID_RESPONSE", "{content}");
            assert!(error.failure().non_retryable);
            assert_eq!(LlmUsage::of(error.failure()).unwrap().cost_micro_usd, 18);
        }
    }
}
