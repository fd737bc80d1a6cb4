//! The workflows that the tests start.

use std::time::Duration;

use everstep::dead_letters::{DeadLetterKind, Retried, WorkerDeadLetters};
use everstep::log::RecordedEvent;
use everstep::projections::{Category, Projection, ProjectionWorker};
use everstep::{
    Activity, ActivityContext, ActivityError, Either, Payload, Query, QueueLimits, Signal, Update,
    Worker, Workflow, WorkflowContext, WorkflowError, race,
};
use serde::{Deserialize, Serialize};

const ECHO: Workflow<Payload, Payload> = Workflow::new("echo");
const CHAIN: Workflow<Steps, Steps> = Workflow::new("chain");
const FAIL: Workflow<Payload, ()> = Workflow::new("fail");
const GATE: Workflow<Payload, Opened> = Workflow::new("gate");
const SLEEP: Workflow<Millis, Millis> = Workflow::new("sleep");

const OUTSIDE: Workflow<Payload, Payload> = Workflow::new("outside");

const MAIL: Workflow<Payload, Payload> = Workflow::new("mail");
const SEND: Activity<Payload, Payload> = Activity::new("send").queue("mail");

const ANSWER: Activity<Payload, Payload> = Activity::new("answer");
const IDENTITY: Activity<u64, u64> = Activity::new("identity");
const FLAKY: Workflow<u32, u32> = Workflow::new("flaky");
const TRY: Activity<u32, u32> = Activity::new("try");
const OPEN: Signal<Payload> = Signal::new("open");
const ADD: Signal<i64> = Signal::new("add");
const STATUS: Query<(), &'static str> = Query::new("status");

#[derive(Serialize, Deserialize)]
struct Steps {
    steps: u64,
}

#[derive(Serialize, Deserialize)]
struct Millis {
    ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Opened {
    by: Payload,
}

const STATE: Query<(), String> = Query::new("status");
const IS: Query<String, bool> = Query::new("is");
const REGISTER: Workflow<Payload, i64> = Workflow::new("register");
const SET: Update<i64, i64> = Update::new("set");
const LATER: Update<i64, i64> = Update::new("later");
const CLOSE: Update<Payload, i64> = Update::new("close");
const GO: Signal<Payload> = Signal::new("go");

/// Letters to Oslo arrive at the next try, others never do.
pub(crate) const LETTERS: DeadLetterKind = DeadLetterKind::new("letter");

/// `echo` returns its input, `chain` takes steps, `fail` fails, `gate` waits for the signal
/// `open`, `sleep` sleeps, `outside` waits for an activity that is completed from outside.
pub(crate) fn worker() -> Worker {
    Worker::new()
        .dead_letters(LETTERS, |_, letter| match letter.target.as_str() {
            "Oslo" => Ok(Retried::Resolved),
            _ => Err(ActivityError::new("no_such_street", "no such street here either")),
        })
        .workflow(ECHO, async |_: &WorkflowContext, input| Ok(input))
        .workflow(CHAIN, chain)
        .workflow(FAIL, fail)
        .workflow(GATE, gate)
        .signal(GATE, ADD)
        .query(GATE, IS, STATE, |state, asked| {
            assert_ne!(asked, "panic", "on purpose");
            *state == asked
        })
        .workflow(SLEEP, sleep)
        .workflow(REGISTER, register)
        .update(REGISTER, SET)
        .update(REGISTER, LATER)
        .update(REGISTER, CLOSE)
        .workflow(OUTSIDE, async |ctx: &WorkflowContext, input| {
            Ok(ctx.activity(ANSWER, input).await?)
        })
        .activity(ANSWER, async |_, _| Err(ActivityError::completed_from_outside()))
        .workflow(FLAKY, async |ctx: &WorkflowContext, failures| {
            Ok(ctx.activity(TRY, failures).await?)
        })
        .activity(TRY, async |ctx: ActivityContext, failures| match ctx.attempt() {
            attempt if attempt > failures => Ok(attempt),
            _ => Err(ActivityError::new("flaky", "not yet")),
        })
        .activity(IDENTITY, identity)
        .workflow(MAIL, async |ctx: &WorkflowContext, input| Ok(ctx.activity(SEND, input).await?))
        .activity(SEND, async |_, input| Ok(input))
        .queue("mail", QueueLimits::new().concurrency(2))
        .build_id("test-build")
        .projection(
            ACCOUNTS
                .row(
                    |event| event.tags().map(str::to_owned).collect::<Vec<_>>(),
                    |account, event| {
                        let Account { entries, balance } = account.unwrap_or_default();
                        let entry = serde_json::from_slice::<Entry>(event.data());
                        let entry = entry.map_err(|error| error.to_string())?;
                        let balance = balance + entry.amount;
                        Ok(Some(Account { entries: entries + 1, balance }))
                    },
                )
                .events(["EntryPosted"])
                .index("balance"),
        )
        .projection(BALANCES.row(one_key, |balance, event| {
            let entry = serde_json::from_slice::<Entry>(event.data());
            Ok(Some(balance.unwrap_or(0) + entry.map_or(0, |entry| entry.amount)))
        }))
        .projection(ENTRIES.row(one_key, |count, _| Ok(Some(count.unwrap_or(0) + 1))))
        .projection(
            HANGING
                .row(one_key, |count, _| {
                    drop(HANGS.lock());
                    Ok(Some(count.unwrap_or(0) + 1))
                })
                .events(["Hang"]),
        )
        .projection(
            FILLERS
                .row(
                    |event| event.tags().map(str::to_owned).collect::<Vec<_>>(),
                    |_, event| {
                        let filled = serde_json::from_slice(event.data());
                        filled.map(Some).map_err(|error| error.to_string())
                    },
                )
                .events(["Filled"]),
        )
        .projection(
            TOLD.row(one_key, |count, _| Ok(Some(count.unwrap_or(0) + 1))).contract("told v1"),
        )
}

const ACCOUNTS: Projection<Account> = Projection::new("accounts", Category::View);
const BALANCES: Projection<i64> = Projection::new("balances", Category::Logic);
const ENTRIES: Projection<u64> = Projection::new("entries", Category::Reporting);
const TOLD: Projection<u64> = Projection::new("told", Category::Integration);

/// What is in the event, a row each.
const FILLERS: Projection<serde_json::Value> = Projection::new("fillers", Category::View);
const HANGING: Projection<u64> = Projection::new("hanging", Category::Reporting);

/// Whoever holds it makes the projection `hanging` wait.
pub(crate) static HANGS: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[derive(Default, Serialize, Deserialize)]
struct Account {
    entries: u64,
    balance: i64,
}

#[derive(Deserialize)]
struct Entry {
    amount: i64,
}

fn one_key(event: &RecordedEvent) -> Option<String> {
    Some(event.stream()?.to_string())
}

async fn identity(_: ActivityContext, number: u64) -> Result<u64, ActivityError> {
    Ok(number)
}

async fn chain(ctx: &WorkflowContext, input: Steps) -> Result<Steps, WorkflowError> {
    for step in 0..input.steps {
        ctx.activity(IDENTITY, step).await?;
    }
    Ok(input)
}

async fn fail(_: &WorkflowContext, _: Payload) -> Result<(), WorkflowError> {
    Err(WorkflowError::new("on_purpose", "it failed on purpose"))
}

async fn gate(ctx: &WorkflowContext, _: Payload) -> Result<Opened, WorkflowError> {
    ctx.publish(STATUS, "waiting");
    let by = ctx.cancellable(ctx.signal(OPEN)).await?;
    ctx.publish(STATUS, "open");
    Ok(Opened { by })
}

async fn sleep(ctx: &WorkflowContext, input: Millis) -> Result<Millis, WorkflowError> {
    ctx.sleep(Duration::from_millis(input.ms)).await;
    Ok(input)
}

/// Holds a number. `later` is answered with its argument after the signal `go`; meanwhile the code
/// listens to nothing else.
async fn register(ctx: &WorkflowContext, _: Payload) -> Result<i64, WorkflowError> {
    let mut value = 0;
    loop {
        let set = ctx.update(SET).validate(|new| match *new < 0 {
            true => Err(format!("{new} is negative")),
            false => Ok(()),
        });
        let others = race(ctx.update(LATER), ctx.update(CLOSE));
        match race(set, others).await {
            Either::First((new, reply)) => reply.answer(std::mem::replace(&mut value, new)),
            Either::Second(Either::First((argument, reply))) => {
                ctx.signal(GO).await;
                reply.answer(argument);
            }
            Either::Second(Either::Second((_, reply))) => {
                reply.answer(value);
                return Ok(value);
            }
        }
    }
}
