//! A scripted model: it speaks OpenAI's chat completions, answers what it was told to, and counts.
//!
//! It stands in where no key for a real one is set. `POST /script` says what to answer questions
//! that contain a text; `GET /script?contains=…` how many there were.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Questions that are remembered.
const MOST_ASKED: usize = 10_000;
/// Longer than any caller waits.
const HANGS: Duration = Duration::from_secs(600);

/// How a question is answered.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Answer,
    /// 500.
    Error,
    /// Never.
    Hang,
    /// 429, with `Retry-After`.
    RateLimit,
    /// 401.
    Auth,
    /// Words instead of JSON.
    Babble,
}

/// What questions that contain a text are answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    contains: String,
    mode: Mode,
    confidence: f64,
    reasoning: String,
    suggested_action: String,
    retry_after_s: u64,
    cost_usd: Option<f64>,
    /// After so many questions it answers in this mode no more, but as usual.
    times: Option<u32>,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            contains: String::new(),
            mode: Mode::Answer,
            confidence: 0.72,
            reasoning: "several orders were cancelled within a short time".to_owned(),
            suggested_action: "SuggestCustomerOutreach".to_owned(),
            retry_after_s: 1,
            cost_usd: None,
            times: None,
        }
    }
}

#[derive(Default)]
struct Script {
    rules: Vec<Rule>,
    asked: Vec<String>,
}

type Shared = Arc<Mutex<Script>>;

/// Serves on a thread and a runtime of its own until the process ends; answers where.
pub(crate) fn start(listen: SocketAddr) -> std::io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let serving = move || {
        if let Err(error) = runtime.block_on(serve(listener)) {
            tracing::error!(%error, "the scripted model has ended");
        }
    };
    std::thread::Builder::new().name("model".to_owned()).spawn(serving)?;
    Ok(address)
}

async fn serve(listener: std::net::TcpListener) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/v1/chat/completions", post(complete))
        .route("/script", get(asked).post(script))
        .with_state(Shared::default());
    axum::serve(TcpListener::from_std(listener)?, routes).await
}

async fn script(State(shared): State<Shared>, Json(rule): Json<Rule>) -> Json<Value> {
    let mut script = shared.lock().unwrap_or_else(PoisonError::into_inner);
    script.rules.retain(|known| known.contains != rule.contains);
    script.rules.push(rule);
    Json(json!({ "rules": script.rules }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Which {
    contains: String,
}

async fn asked(State(shared): State<Shared>, Query(which): Query<Which>) -> Json<Value> {
    let script = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let calls = script.asked.iter().filter(|text| text.contains(&which.contains)).count();
    Json(json!({ "calls": calls }))
}

async fn complete(State(shared): State<Shared>, Json(request): Json<Value>) -> Response {
    let question = request["messages"].as_array().and_then(|all| all.last()).cloned();
    let question = question.unwrap_or_default()["content"].as_str().unwrap_or_default().to_owned();
    let rule = {
        let mut script = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let rule = script.rules.iter_mut().find(|rule| question.contains(&rule.contains));
        let rule = rule.map_or_else(Rule::default, |rule| {
            let now = rule.clone();
            match &mut rule.times {
                Some(0) => Rule { mode: Mode::Answer, ..now },
                Some(left) => {
                    *left -= 1;
                    now
                }
                None => now,
            }
        });
        if script.asked.len() < MOST_ASKED {
            script.asked.push(question.clone());
        }
        rule
    };
    match rule.mode {
        Mode::Answer => Json(answer(&request, &rule, &question)).into_response(),
        Mode::Babble => {
            Json(said("I would rather talk about the weather.", &json!({}))).into_response()
        }
        Mode::Error => (StatusCode::INTERNAL_SERVER_ERROR, "the model is confused").into_response(),
        Mode::Auth => (StatusCode::UNAUTHORIZED, "no such key").into_response(),
        Mode::RateLimit => {
            let after = [(header::RETRY_AFTER, rule.retry_after_s.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, after, "too many questions").into_response()
        }
        Mode::Hang => {
            tokio::time::sleep(HANGS).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
    }
}

fn said(content: &str, usage: &Value) -> Value {
    json!({
        "model": "scripted",
        "choices": [{ "message": { "role": "assistant", "content": content } }],
        "usage": usage,
    })
}

fn answer(request: &Value, rule: &Rule, question: &str) -> Value {
    let content = json!({
        "confidence": rule.confidence,
        "reasoning": rule.reasoning,
        "suggestedAction": rule.suggested_action,
    });
    let content = content.to_string();
    // About four bytes a token, as with most of them.
    let prompt: usize = request["messages"].to_string().len() / 4;
    let mut usage = json!({
        "prompt_tokens": prompt.max(question.len() / 4),
        "completion_tokens": content.len() / 4,
    });
    if let Some(cost) = rule.cost_usd {
        usage["cost"] = cost.into();
    }
    said(&content, &usage)
}
