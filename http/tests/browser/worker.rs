//! What the browser tests look at: runs that wait, fail, retry, end and are long.

use std::time::Duration;

use everstep::{
    Activity, ActivityContext, ActivityError, Counters, Either, QueueLimits, Retry, Signal,
    Transaction, Update, Worker, Workflow, WorkflowContext, WorkflowError, join_all, race,
};
use serde::{Deserialize, Serialize};

/// Completes at once with its input.
const QUICK: Workflow<Order, Order> = Workflow::new("quick");
/// Sends mail through a task queue.
const POST: Workflow<String, String> = Workflow::new("post");
const SEND: Activity<String, String> = Activity::new("send").queue("mail");
/// Reserves, then waits for `approved` or a day.
const APPROVAL: Workflow<Order, String> = Workflow::new("approval");
/// Charges a card that is never accepted; gives up after five attempts.
const DECLINED: Workflow<Order, ()> = Workflow::new("declined");
/// Charges a card with twenty minutes between the attempts.
const RETRYING: Workflow<Order, ()> = Workflow::new("retrying");
/// Runs so many activities, all at once.
const FAN_OUT: Workflow<u32, u32> = Workflow::new("fan_out");
/// Holds money; the update `withdraw` takes some of it, in a transaction.
const TILL: Workflow<i64, i64> = Workflow::new("till");
const WITHDRAW: Update<i64, i64> = Update::new("withdraw");
const BOOK: Transaction<i64, i64> = Transaction::new("book");
const BOOKED: Counters = Counters::new("till", "booked");
/// Starts an approval as its child.
const FAMILY: Workflow<(), String> = Workflow::new("family");
/// Continues as new so many times, then waits.
const CHAINED: Workflow<u32, ()> = Workflow::new("chained");
/// Has a version and a patch.
const TAX: Workflow<u64, u64> = Workflow::new("tax");
/// Panics.
const BROKEN: Workflow<(), ()> = Workflow::new("broken");

const RESERVE: Activity<String, String> = Activity::new("reserve_stock");
const CHARGE: Activity<u64, ()> = Activity::new("charge_card").retry(SOON.max_attempts(5));
const CHARGE_SLOWLY: Activity<u64, ()> = Activity::new("charge_card").retry(
    Retry::DEFAULT
        .initial_interval(Duration::from_secs(1_200))
        .max_interval(Duration::from_secs(1_200))
        .max_attempts(7),
);
const NUMBER: Activity<u32, u32> = Activity::new("number");
const SOON: Retry = Retry::DEFAULT
    .initial_interval(Duration::from_millis(20))
    .max_interval(Duration::from_millis(40));
const APPROVED: Signal<Approval> = Signal::new("approved");

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Order {
    id: String,
    amount: u64,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Item {
    sku: String,
    count: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Approval {
    by: String,
}

/// All of them.
pub(crate) fn worker() -> Worker {
    crate::desks::register(crate::notes::register(Worker::new()))
        .workflow(POST, async |ctx: &WorkflowContext, to| Ok(ctx.activity(SEND, to).await?))
        .activity(SEND, async |_, to| Ok(to))
        .queue("mail", QueueLimits::new().concurrency(2))
        .build_id("browser-tests")
        .workflow(QUICK, async |ctx, order: Order| {
            ctx.activity(RESERVE, order.id.clone()).await?;
            Ok(order)
        })
        .workflow(APPROVAL, approval)
        .signal(APPROVAL, APPROVED)
        .workflow(DECLINED, async |ctx, order: Order| {
            ctx.activity(RESERVE, order.id).await?;
            Ok(ctx.activity(CHARGE, order.amount).await?)
        })
        .workflow(RETRYING, async |ctx, order: Order| {
            ctx.activity(RESERVE, order.id).await?;
            Ok(ctx.activity(CHARGE_SLOWLY, order.amount).await?)
        })
        .workflow(FAN_OUT, async |ctx, count: u32| {
            let all = (0..count).map(|number| ctx.activity(NUMBER, number));
            let numbers = join_all(all).await;
            Ok(u32::try_from(numbers.iter().flatten().count()).unwrap_or(u32::MAX))
        })
        .workflow(TILL, till)
        .update(TILL, WITHDRAW)
        .transaction(BOOK, |tx, amount| tx.add(BOOKED, "all", amount))
        .workflow(FAMILY, async |ctx, ()| {
            let id = format!("{}-order", ctx.workflow_id());
            Ok(ctx.child(APPROVAL, Order { id: "1".into(), ..Order::default() }).id(id).await?)
        })
        .workflow(CHAINED, async |ctx, turns: u32| {
            ctx.activity(RESERVE, turns.to_string()).await?;
            if turns > 0 {
                return ctx.continue_as_new(turns - 1);
            }
            ctx.signal(APPROVED).await;
            Ok(())
        })
        .version(TAX, "2026-05", async |ctx, net: u64| {
            Ok(if ctx.patched("rounding") { net * 119 / 100 } else { net })
        })
        .workflow(BROKEN, async |_ctx, ()| panic!("the order has no lines"))
        .activity(RESERVE, async |_: ActivityContext, id: String| Ok(format!("hold-{id}")))
        .activity(CHARGE, async |_: ActivityContext, _: u64| {
            Err::<(), _>(ActivityError::new("card_declined", "the bank said no"))
        })
        .activity(NUMBER, number)
}

async fn approval(ctx: &WorkflowContext, order: Order) -> Result<String, WorkflowError> {
    ctx.activity(RESERVE, order.id).await?;
    let day = ctx.sleep(Duration::from_secs(86_400));
    match race(ctx.signal(APPROVED), day).await {
        Either::First(approval) => Ok(format!("approved by {}", approval.by)),
        Either::Second(_) => Err("the approval has expired".into()),
    }
}

async fn till(ctx: &WorkflowContext, mut left: i64) -> Result<i64, WorkflowError> {
    while left > 0 {
        let withdraw = ctx.update(WITHDRAW).validate(|amount| match *amount <= left {
            true => Ok(()),
            false => Err(format!("only {left} left")),
        });
        let (amount, reply) = withdraw.await;
        ctx.transaction(BOOK, amount).await?;
        left -= amount;
        reply.answer(left);
    }
    Ok(left)
}

async fn number(_: ActivityContext, number: u32) -> Result<u32, ActivityError> {
    if number % 500 == 499 {
        return Err(ActivityError::new("unlucky", "this number is never accepted").non_retryable());
    }
    Ok(number)
}
