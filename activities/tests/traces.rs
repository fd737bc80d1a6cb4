//! What a trace shows of a command: a span, and its seven steps below it, whichever way it came.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstep_activities::commands::{
    Changed, Command, CommandClient, Decision, Handled, SendCommands, WorkerCommands,
};
use everstep_engine::{
    Engine, EngineConfig, Payload, Selector, StartRequest, Worker, Workflow, WorkflowContext,
};
use everstep_storage::MemoryStore;
use serde_json::{Value, json};
use tokio::runtime::Handle;

const GREET: Command<String, Option<Changed>> = Command::new("Greet");
const GREETING: Workflow<(), ()> = Workflow::new("greeting");
const STEPS: [&str; 7] =
    ["record", "middleware", "handler", "rejection", "append", "projections", "status"];

/// The lines of the log, one JSON document each.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// The steps that stand under the span of a command which came that way.
    fn steps_of(&self, entry: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().filter(|line| line.contains("command step"));
        let within = "command{command_type=\"Greet\"";
        let lines = lines.filter(|line| line.contains(within));
        let lines = lines.filter(|line| line.contains(&format!("entry={entry}")));
        lines
            .map(|line| {
                let (_, step) = line.split_once("step=\"").unwrap();
                step.split('"').next().unwrap().to_owned()
            })
            .collect()
    }
}

#[tokio::test]
async fn a_command_shows_its_seven_steps_whichever_way_it_came() {
    let lines = Lines::default();
    let writer = lines.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let worker = Worker::new()
        .commands(|commands| {
            commands.handle(GREET, |_, name: String, _| {
                let result = Payload::from_value(&json!({ "greeted": name }))?;
                Ok(Handled::Executed(Decision::new().result(result)))
            });
        })
        .workflow(GREETING, async |ctx: &WorkflowContext, ()| {
            ctx.command::<_, Value>(Command::new(GREET.name()), &"ada".to_owned()).await?;
            Ok(())
        });
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::open(store, worker, EngineConfig::default(), Handle::current()).unwrap();
    let client = CommandClient::new(engine.clone(), "default");
    let greet: Command<String, Value> = Command::new(GREET.name());
    client.command(greet, &"bob".to_owned()).unwrap().send().await.unwrap();
    assert_eq!(lines.steps_of("Sdk"), STEPS);

    let request = StartRequest::new(GREETING.name(), Payload::null());
    let request = StartRequest { workflow_id: Some("g".into()), ..request };
    engine.start(request).await.unwrap();
    engine.result(&Selector::newest("g"), Duration::from_secs(30)).await.unwrap();
    assert_eq!(lines.steps_of("Workflow"), STEPS);

    let request = StartRequest::new(
        "send_command",
        Payload::from_value(&json!({"type": "Greet", "payload": "cid"})).unwrap(),
    );
    let request = StartRequest { workflow_id: Some("s".into()), ..request };
    engine.start(request).await.unwrap();
    engine.result(&Selector::newest("s"), Duration::from_secs(30)).await.unwrap();
    assert_eq!(lines.steps_of("Schedule"), STEPS);
}
