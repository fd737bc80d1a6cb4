//! The workflows whose histories are kept. They are frozen: never change one, add another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use everstep_engine::{
    Activity, ActivityContext, ActivityError, Either, Retry, SearchAttribute, Signal, Table,
    Transaction, TransactionContext, Update, Worker, Workflow, WorkflowContext, WorkflowError,
    race,
};

const SECOND: Duration = Duration::from_secs(1);
const ONCE_MORE: Retry = Retry::DEFAULT.max_attempts(2).jitter_percent(0);

const ECHO: Activity<String, String> = Activity::new("echo");
const FLAKY: Activity<(), u32> = Activity::new("flaky").retry(ONCE_MORE);
const QUEUED: Activity<(), ()> = Activity::new("queued").queue("reports");
const COUNT: Transaction<u64, u64> = Transaction::new("count");
const OUTSIDE: Activity<(), String> =
    Activity::new("outside").timeout(SECOND).retry(ONCE_MORE).heartbeat_timeout(SECOND);
const SLOW: Activity<(), String> =
    Activity::new("slow").timeout(SECOND).retry(Retry::DEFAULT.max_attempts(1));
const HANG: Activity<(), ()> = Activity::new("hang");
const DEAF: Activity<(), ()> = Activity::new("deaf").cancel_grace(SECOND);
const GO: Signal<String> = Signal::new("go");
const SET: Update<u64, u64> = Update::new("set");
const CHILD: Workflow<String, String> = Workflow::new("child");

/// Whether `stuck` panics: while its history is made, and never afterwards.
pub(crate) static BROKEN: AtomicBool = AtomicBool::new(false);

pub(crate) fn worker() -> Worker {
    Worker::new()
        .workflow(Workflow::new("activities"), activities)
        .workflow(Workflow::new("outside"), async |ctx: &WorkflowContext, (): ()| {
            Ok(ctx.activity(OUTSIDE, ()).await?)
        })
        .workflow(Workflow::new("late"), async |ctx: &WorkflowContext, (): ()| {
            let outcome = ctx.activity(SLOW, ()).await;
            ctx.sleep(60 * SECOND).await;
            Ok(outcome.is_err())
        })
        .workflow(Workflow::new("timers_and_signals"), timers_and_signals)
        .workflow(Workflow::new("withdrawn"), withdrawn)
        .workflow(Workflow::new("sleeper"), async |ctx: &WorkflowContext, (): ()| {
            ctx.sleep(60 * SECOND).await;
            Ok(())
        })
        .workflow(Workflow::new("fails"), async |ctx: &WorkflowContext, (): ()| {
            ctx.activity(ECHO, "first".into()).await?;
            Err::<(), _>(WorkflowError::new("declined", "no funds"))
        })
        .workflow(Workflow::new("stuck"), stuck)
        .workflow(Workflow::new("collector"), collector)
        .workflow(Workflow::new("parent"), parent)
        .workflow(CHILD, child)
        .workflow(Workflow::new("requests"), requests)
        .workflow(Workflow::new("register"), register)
        .update(Workflow::<(), u64>::new("register"), SET)
        .workflow(Workflow::new("patched"), patched)
        .workflow(Workflow::new("chain"), chain)
        .workflow(Workflow::new("upserts"), upserts)
        .activity(ECHO, async |_, text| Ok(text))
        .activity(FLAKY, async |ctx: ActivityContext, ()| match ctx.attempt() {
            1 => Err(ActivityError::new("flaky", "on purpose")),
            attempt => Ok(attempt),
        })
        .activity(QUEUED, async |_, ()| Ok(()))
        .transaction(COUNT, count)
        .activity(OUTSIDE, async |_, ()| Err(ActivityError::completed_from_outside()))
        .activity(SLOW, async |ctx: ActivityContext, ()| {
            ctx.cancelled().await;
            Ok("too late".into())
        })
        .activity(HANG, async |ctx: ActivityContext, ()| {
            ctx.cancelled().await;
            Err(ActivityError::cancelled())
        })
        .activity(DEAF, async |_, ()| std::future::pending().await)
}

const TOTALS: Table<u64> = Table::new("fixtures", "totals");

fn count(tx: &mut TransactionContext<'_>, by: u64) -> Result<u64, ActivityError> {
    let total = tx.get(TOTALS, "all")?.unwrap_or(0) + by;
    tx.put(TOTALS, "all", &total)?;
    Ok(total)
}

/// Random numbers and times are part of what a replay must meet.
async fn activities(ctx: &WorkflowContext, name: String) -> Result<String, WorkflowError> {
    let greeting = ctx.activity(ECHO, format!("hello {name}")).await?;
    let attempts = ctx.activity(FLAKY, ()).await?;
    let step = ctx.run("inline", async || Ok(7_u32)).await?;
    ctx.activity(QUEUED, ()).await?;
    let total = ctx.transaction(COUNT, 3).await?;
    let dice = ctx.activity(ECHO, format!("{} {}", ctx.random(), ctx.uuid())).await?;
    Ok(format!("{greeting} {attempts} {step} {total} {dice} {}", ctx.now()))
}

async fn timers_and_signals(ctx: &WorkflowContext, (): ()) -> Result<String, WorkflowError> {
    ctx.sleep(SECOND).await;
    let Either::First(word) = race(ctx.signal(GO), ctx.sleep(3_600 * SECOND)).await else {
        return Err("nobody came".into());
    };
    Ok(word)
}

async fn withdrawn(ctx: &WorkflowContext, (): ()) -> Result<(), WorkflowError> {
    race(ctx.activity(HANG, ()), ctx.sleep(SECOND)).await;
    race(ctx.activity(DEAF, ()), ctx.sleep(SECOND)).await;
    ctx.sleep(60 * SECOND).await;
    Ok(())
}

async fn stuck(ctx: &WorkflowContext, (): ()) -> Result<String, WorkflowError> {
    ctx.activity(ECHO, "before".into()).await?;
    let word = ctx.signal(GO).await;
    assert!(!BROKEN.load(Ordering::SeqCst), "on purpose");
    let more = ctx.signal(GO).await;
    Ok(ctx.activity(ECHO, word + &more).await?)
}

async fn collector(ctx: &WorkflowContext, (): ()) -> Result<Vec<String>, WorkflowError> {
    let mut words = Vec::new();
    while let Either::First(word) = race(ctx.signal(GO), ctx.sleep(10 * SECOND)).await {
        words.push(ctx.activity(ECHO, word).await?);
    }
    Ok(words)
}

async fn child(ctx: &WorkflowContext, wish: String) -> Result<String, WorkflowError> {
    match wish.as_str() {
        "complete" => Ok(ctx.activity(ECHO, wish).await?),
        "fail" => Err(WorkflowError::new("declined", "no funds")),
        _ => Ok(ctx.signal(GO).await),
    }
}

async fn parent(ctx: &WorkflowContext, prefix: String) -> Result<Vec<String>, WorkflowError> {
    let call = |wish: &str| ctx.child(CHILD, wish.to_owned()).id(format!("{prefix}-{wish}"));
    let mut ends = vec![call("complete").await?];
    let kind = |ended: Result<String, everstep_engine::ChildError>| match ended {
        Ok(result) => result,
        Err(error) => format!("{:?} {}", error.status(), error.kind()),
    };
    ends.push(kind(call("fail").await));
    // Its id is taken.
    ends.push(kind(call("fail").await));
    ends.push(kind(call("be_terminated").await));
    ends.push(kind(call("run_out_of_time").execution_timeout(SECOND).await));
    race(call("be_dropped"), ctx.sleep(SECOND)).await;
    ctx.start(CHILD, "complete".into()).id(format!("{prefix}-detached")).await?;
    ctx.sleep(SECOND).await;
    Ok(ends)
}

async fn requests(ctx: &WorkflowContext, prefix: String) -> Result<Vec<String>, WorkflowError> {
    let mut refused = Vec::new();
    for target in ["open", "nobody"] {
        let target = ctx.workflow(format!("{prefix}-{target}"));
        let word = "from another workflow".to_owned();
        refused.extend(target.signal(GO, &word).await.err());
        refused.extend(target.cancel().await.err());
    }
    for target in ["second", "nobody"] {
        refused.extend(ctx.workflow(format!("{prefix}-{target}")).terminate("enough").await.err());
    }
    Ok(refused.iter().map(|error| error.kind().to_owned()).collect())
}

async fn register(ctx: &WorkflowContext, (): ()) -> Result<u64, WorkflowError> {
    let (first, reply) = ctx.update(SET).await;
    let echoed = ctx.activity(ECHO, first.to_string()).await?;
    reply.answer(first + 1);
    let (second, reply) = ctx.update(SET).await;
    reply.fail("not today");
    Ok(second + echoed.len() as u64)
}

async fn patched(ctx: &WorkflowContext, (): ()) -> Result<bool, WorkflowError> {
    let new = ctx.patched("new_way");
    ctx.activity(ECHO, new.to_string()).await?;
    ctx.deprecate_patch("only_way");
    ctx.activity(ECHO, "second".into()).await?;
    Ok(new)
}

async fn chain(ctx: &WorkflowContext, run: u64) -> Result<u64, WorkflowError> {
    ctx.signal(GO).await;
    match run {
        2 => Ok(run),
        _ => ctx.continue_as_new(run + 1),
    }
}

async fn upserts(ctx: &WorkflowContext, name: String) -> Result<String, WorkflowError> {
    const CUSTOMER: SearchAttribute<String> = SearchAttribute::new("customer");
    const CENTS: SearchAttribute<i64> = SearchAttribute::new("cents");
    ctx.upsert_search_attribute(CUSTOMER, name);
    ctx.upsert_search_attribute(CENTS, 1_250);
    let echoed = ctx.activity(ECHO, "between".into()).await?;
    ctx.remove_search_attribute(CENTS);
    ctx.upsert_memo("note", &echoed);
    Ok(echoed)
}
