//! A model that is scripted, and one that is down.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use everstep_activities::llm::LlmProvider;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A model that says one thing, and counts how often.
pub(super) async fn model(confidence: f64, asked: Arc<AtomicUsize>) -> LlmProvider {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let content = json!({
        "confidence": confidence, "reasoning": "it looks broken", "suggestedAction": "Fix",
    });
    let body = json!({
        "model": "scripted",
        "choices": [{ "message": { "content": content.to_string() } }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 5 },
    });
    let body = body.to_string();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (asked, body) = (Arc::clone(&asked), body.clone());
            tokio::spawn(async move {
                let mut seen = Vec::new();
                let mut buffer = [0; 4096];
                while !is_whole(&seen) {
                    match socket.read(&mut buffer).await {
                        Ok(read) if read > 0 => seen.extend_from_slice(&buffer[..read]),
                        _ => return,
                    }
                }
                asked.fetch_add(1, Ordering::SeqCst);
                let length = body.len();
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
                let answer = format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}");
                let _ = socket.write_all(answer.as_bytes()).await;
            });
        }
    });
    LlmProvider::openai_compatible(&format!("http://{address}/v1")).unwrap()
}

fn is_whole(seen: &[u8]) -> bool {
    let text = String::from_utf8_lossy(seen).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.and_then(|length| length.trim().parse::<usize>().ok()).is_some_and(|it| body.len() >= it)
}

/// Nobody listens there.
pub(super) fn down() -> LlmProvider {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    LlmProvider::openai_compatible(&format!("http://{address}/v1")).unwrap()
}
