//! A domain to look at: notes that are written once, by commands of their context.

use everstep::commands::{
    Aggregate, Changed, Command, CommandClient, SendCommands, WorkerCommands,
};
use everstep::contexts::{Context, Contract, WorkerContexts};
use everstep::decider::{Decider, Moment, Output, Rejection};
use everstep::language::SchemaVersion;
use everstep::projections::{Category, Projection, ProjectionWorker};
use everstep::{BoundedContext, Worker, Workflow, WorkflowContext, WorkflowError};
use serde::{Deserialize, Serialize};

use crate::site::Site;

#[derive(Serialize, Deserialize)]
pub(crate) struct WriteNote {
    pub(crate) id: String,
    pub(crate) text: String,
}

pub(crate) const WRITE_NOTE: Command<WriteNote, Changed> = Command::new("WriteNote");
/// Writes a note as its only step.
const NOTING: Workflow<WriteNote, Changed> = Workflow::new("noting");
const TEXTS: Projection<String> = Projection::new("noteTexts", Category::View);

struct NotesContext(());

impl BoundedContext for NotesContext {
    const NAME: &'static str = "notes";
}

struct Notes;

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum Written {
    NoteWritten { text: String },
}

impl Decider for Notes {
    type State = String;
    type Command = String;
    type Event = Written;

    fn decide(state: &String, text: &String, _: &mut Moment) -> Output<Self> {
        match text.as_str() {
            "" => Rejection::new("NOTE_EMPTY", "a note says something").into(),
            text => Output::success(state, vec![Written::NoteWritten { text: text.to_owned() }]),
        }
    }

    fn evolve(_: String, event: &Written) -> String {
        let Written::NoteWritten { text } = event;
        text.clone()
    }
}

impl Aggregate for Notes {
    type Decider = Self;
    const CONTEXT: &'static str = NotesContext::NAME;
    const STREAM_TYPE: &'static str = "notes.Note";
}

async fn noting(ctx: &WorkflowContext, note: WriteNote) -> Result<Changed, WorkflowError> {
    Ok(ctx.command(WRITE_NOTE, &note).await?)
}

pub(crate) fn register(worker: Worker) -> Worker {
    let version = SchemaVersion::new(1, 0, 0);
    let contract = Contract::new(NotesContext::NAME, version)
        .description("what was written down")
        .commands([WRITE_NOTE.name()])
        .events(["NoteWritten"])
        .table(Notes::STREAM_TYPE, version)
        .errors(["NOTE_EMPTY", "ALREADY_EXISTS"]);
    let texts = TEXTS
        .row(
            |event| Some(event.stream_id().to_owned()),
            |_, event| {
                let note = everstep::commands::decode(event).map_err(|error| error.to_string())?;
                Ok(note.map(|Written::NoteWritten { text }| text))
            },
        )
        .events(["NoteWritten"]);
    worker
        .context(Context::new(NotesContext(()), contract).by_deciders())
        .projection(texts)
        .commands(|commands| {
            commands.create::<Notes, _>(WRITE_NOTE, |note| note.id.clone(), |note| note.text);
        })
        .workflow(NOTING, noting)
}

/// Sends a command as a program would; durable when this returns, whatever became of it.
pub(crate) async fn write(site: &Site, command_id: &str, id: &str, text: &str) {
    let note = WriteNote { id: id.to_owned(), text: text.to_owned() };
    let client = CommandClient::new(site.engine().clone(), "default");
    let _ = client.command(WRITE_NOTE, &note).unwrap().id(command_id).send().await;
}
