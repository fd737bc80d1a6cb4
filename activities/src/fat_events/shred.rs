//! Shredding, as a workflow: each of its steps may be cut by a crash and is done again.
//!
//! It names the subject by its hash alone, so no history keeps the id.

use std::sync::Arc;

use everstep_engine::log::{Append, Expected, NewEvent, StreamId};
use everstep_engine::{
    Activity, ActivityContext, ActivityError, IdReuse, OnConflict, Payload, StartRequest,
    Transaction, TransactionContext, Worker, Workflow, WorkflowContext, WorkflowError,
};

use super::SubjectKeys;
use super::key_file::KeyId;
use super::subjects::{self, Subject, SubjectStatus, subject_hash};

/// Makes a subject's data unreadable. The input is the subject's hash.
pub const SHRED_SUBJECT: Workflow<String, ()> = Workflow::new("everstep.shred_subject");
/// The event that tells of it, in the stream `$subject` of the subject's hash.
pub const SUBJECT_SHREDDED: &str = "$SubjectShredded";

const BEGIN: Transaction<String, Option<String>> = Transaction::new("everstep.shred_begin");
const DESTROY: Activity<String, ()> = Activity::new("everstep.shred_destroy").blocking();
const END: Transaction<String, ()> = Transaction::new("everstep.shred_end");

async fn shred(ctx: &WorkflowContext, hash: String) -> Result<(), WorkflowError> {
    let Some(key) = ctx.transaction(BEGIN, hash.clone()).await? else { return Ok(()) };
    ctx.activity(DESTROY, key).await?;
    ctx.transaction(END, hash).await?;
    Ok(())
}

pub(super) fn register(worker: Worker, keys: Arc<SubjectKeys>) -> Worker {
    worker
        .built_in(SHRED_SUBJECT, shred)
        .transaction(BEGIN, |tx, hash: String| subjects::mark(tx, &hash, SubjectStatus::Shredding))
        .activity(DESTROY, move |_: ActivityContext, key: String| {
            let keys = Arc::clone(&keys);
            async move {
                if let Some(key) = KeyId::parse(&key) {
                    keys.destroy(key)?;
                }
                Ok(())
            }
        })
        .transaction(END, |tx, hash: String| end(tx, &hash))
}

fn end(tx: &mut TransactionContext<'_>, hash: &str) -> Result<(), ActivityError> {
    let stream = StreamId::new("$subject", hash);
    if subjects::by_hash(tx, hash)?.is_none_or(|one| one.status == SubjectStatus::Shredded) {
        return Ok(());
    }
    subjects::mark(tx, hash, SubjectStatus::Shredded)?;
    let data = serde_json::json!({ "subject_hash": hash, "shredded_at": tx.now() });
    let event = NewEvent::new(SUBJECT_SHREDDED, data.to_string());
    let append = Append::to(stream, Expected::Any, vec![event]);
    tx.append(Append { reserved_names: true, ..append })?;
    Ok(())
}

/// Begins to shred a subject; it is done when the workflow of the answered id has completed. Asking
/// again is harmless.
///
/// # Errors
/// `SUBJECT_NOT_FOUND` when nothing is kept about it.
pub fn start_shred(
    tx: &mut TransactionContext<'_>,
    id: &str,
) -> Result<(Subject, String), ActivityError> {
    let hash = subject_hash(tx, id)?;
    let found = subjects::by_hash(tx, &hash)?.ok_or_else(|| {
        let what = "no personal data is kept about this subject";
        ActivityError::new("SUBJECT_NOT_FOUND", what).non_retryable()
    })?;
    let workflow_id = format!("everstep.shred/{hash}");
    if found.status != SubjectStatus::Shredded {
        let mut request = StartRequest::new(SHRED_SUBJECT.name(), Payload::from_value(&hash)?);
        request.workflow_id = Some(workflow_id.clone());
        request.on_conflict = OnConflict::UseExisting;
        request.id_reuse = IdReuse::AllowIfClosed;
        tx.start_with(request)?;
    }
    Ok((found, workflow_id))
}
