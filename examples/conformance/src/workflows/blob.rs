//! `blob`: an activity with a large result.

use everstep::{
    Activity, ActivityContext, ActivityError, Worker, Workflow, WorkflowContext, WorkflowError,
};
use serde::{Deserialize, Serialize};

const BLOB: Workflow<Blob, Blob> = Workflow::new("blob");
const MAKE_BLOB: Activity<Blob, String> = Activity::new("make_blob");

/// More than any payload limit that makes sense, and little enough to be made in memory.
const MAX_BYTES: usize = 64 << 20;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Input and result.
#[derive(Serialize, Deserialize)]
struct Blob {
    bytes: usize,
}

async fn blob(ctx: &WorkflowContext, input: Blob) -> Result<Blob, WorkflowError> {
    let made = ctx.activity(MAKE_BLOB, input).await?;
    Ok(Blob { bytes: made.len() })
}

/// Base64 of a fixed pseudo-random sequence, so that it neither compresses nor changes.
async fn make_blob(_ctx: ActivityContext, input: Blob) -> Result<String, ActivityError> {
    if input.bytes > MAX_BYTES {
        let message = format!("a blob of {} bytes is more than {MAX_BYTES}", input.bytes);
        return Err(ActivityError::new("blob_too_large", message).non_retryable());
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let text = std::iter::repeat_with(|| {
        // Marsaglia's xorshift64.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(BASE64[(state >> 58) as usize])
    });
    Ok(text.take(input.bytes).collect())
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(BLOB, blob).activity(MAKE_BLOB.blocking(), make_blob)
}
