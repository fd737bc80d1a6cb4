//! Notes about accounts, with a projection of each complexity; one of them refuses garbled notes
//! until `mend_notes` has run in the process, as a deploy would mend its code.

use std::sync::atomic::{AtomicBool, Ordering};

use everstep::log::RecordedEvent;
use everstep::projections::{Category, Complexity, Projection, ProjectionWorker};
use everstep::{Worker, Workflow, WorkflowContext, WorkflowError};
use serde::{Deserialize, Serialize};

const MEND: Workflow<(), ()> = Workflow::new("mend_notes");

const NOTES: Projection<Notes> = Projection::new("accountNotes", Category::View);
const MEDIUM: Projection<u64> = Projection::new("notesMedium", Category::Reporting);
const COMPLEX: Projection<u64> = Projection::new("notesComplex", Category::Reporting);
const VERY_COMPLEX: Projection<u64> = Projection::new("notesVeryComplex", Category::Reporting);

static MENDED: AtomicBool = AtomicBool::new(false);

#[derive(Default, Serialize, Deserialize)]
struct Notes {
    count: u64,
    all: String,
}

#[derive(Deserialize)]
struct Noted {
    text: String,
    #[serde(default)]
    garbled: bool,
}

async fn mend(ctx: &WorkflowContext, (): ()) -> Result<(), WorkflowError> {
    ctx.run("mend", async || {
        MENDED.store(true, Ordering::Relaxed);
        Ok(())
    })
    .await?;
    Ok(())
}

fn account(event: &RecordedEvent) -> Option<String> {
    event.tags().find_map(|tag| tag.strip_prefix("account:")).map(str::to_owned)
}

/// What is noted is kept in the order of the events, so that a gap would show.
fn note(notes: Option<Notes>, event: &RecordedEvent) -> Result<Option<Notes>, String> {
    let noted = serde_json::from_slice::<Noted>(event.data()).map_err(|error| error.to_string())?;
    if noted.garbled && !MENDED.load(Ordering::Relaxed) {
        return Err(format!("`{}` is garbled", noted.text));
    }
    let mut notes = notes.unwrap_or_default();
    notes.count += 1;
    notes.all.push_str(&noted.text);
    Ok(Some(notes))
}

pub(crate) fn register(worker: Worker) -> Worker {
    let counts = [
        (MEDIUM, Complexity::Medium),
        (COMPLEX, Complexity::Complex),
        (VERY_COMPLEX, Complexity::VeryComplex),
    ];
    let worker = worker
        .workflow(MEND, mend)
        .projection(NOTES.row(account, note).events(["EntryNoted"]).index("count"));
    counts.into_iter().fold(worker, |worker, (projection, complexity)| {
        let code = projection
            .row(|_| Some("all".to_owned()), |count, _| Ok(Some(count.unwrap_or(0) + 1)))
            .events(["EntryNoted"])
            .complexity(complexity);
        worker.projection(code)
    })
}
