//! `ledger`: posts entries to accounts as events, one transaction an entry, and keeps four
//! projections of them, one of each category.

use everstep::log::{Append, Expected, NewEvent, RecordedEvent, StreamId};
use everstep::projections::{Category, Projection, ProjectionCode, ProjectionWorker};
use everstep::{
    ActivityError, Transaction, TransactionContext, Worker, Workflow, WorkflowContext,
    WorkflowError,
};
use serde::{Deserialize, Serialize};

const LEDGER: Workflow<Entries, Posted> = Workflow::new("ledger");
const POST: Transaction<Entry, Posted> = Transaction::new("post_entry");

/// What a posting decides on: never behind.
const BALANCES: Projection<i64> = Projection::new("accountBalances", Category::Logic);
/// What a screen shows.
pub const ACCOUNT_SUMMARIES: Projection<AccountSummary> =
    Projection::new("accountSummaries", Category::View);
/// What the bank counts.
const COUNT: Projection<u64> = Projection::new("entryCount", Category::Reporting);
/// What other contexts are told.
const STATUS: Projection<i64> = Projection::new("accountStatusForTax", Category::Integration);

#[derive(Serialize, Deserialize)]
struct Entries {
    account: String,
    amounts: Vec<i64>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    account: String,
    amount: i64,
}

#[derive(Serialize, Deserialize)]
struct Posted {
    balance: i64,
    position: u64,
}

/// A row of `accountSummaries`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSummary {
    /// How many were posted.
    pub entries: u64,
    /// Their sum.
    pub balance: i64,
}

/// How a row of `accountSummaries` is folded: by the server, and by a client that runs ahead of it.
pub fn account_summaries() -> ProjectionCode {
    ACCOUNT_SUMMARIES
        .row(account, |summary, event| {
            let AccountSummary { entries, balance } = summary.unwrap_or_default();
            Ok(Some(AccountSummary { entries: entries + 1, balance: balance + amount(event)? }))
        })
        .events(["EntryPosted"])
}

#[derive(Deserialize)]
struct EntryPosted {
    amount: i64,
}

async fn ledger(ctx: &WorkflowContext, input: Entries) -> Result<Posted, WorkflowError> {
    let Entries { account, amounts } = input;
    let mut posted = Posted { balance: 0, position: 0 };
    for amount in amounts {
        posted = ctx.transaction(POST, Entry { account: account.clone(), amount }).await?;
    }
    Ok(posted)
}

fn post(tx: &mut TransactionContext<'_>, entry: Entry) -> Result<Posted, ActivityError> {
    let Entry { account, amount } = entry;
    let data = serde_json::json!({ "amount": amount }).to_string();
    let event = NewEvent::new("EntryPosted", data).tag(format!("account:{account}"));
    let stream = StreamId::new("Account", account.as_str());
    let appended = tx.append(Append::to(stream, Expected::Any, vec![event]))?;
    // The event of this very transaction is in it already.
    let balance = BALANCES.get(tx, &account)?.unwrap_or(0);
    if balance < 0 {
        return Err(ActivityError::new("overdrawn", format!("`{account}` would have {balance}"))
            .non_retryable());
    }
    Ok(Posted { balance, position: appended.written().first_position })
}

fn account(event: &RecordedEvent) -> Option<String> {
    event.tags().find_map(|tag| tag.strip_prefix("account:")).map(str::to_owned)
}

fn amount(event: &RecordedEvent) -> Result<i64, String> {
    let data = serde_json::from_slice::<EntryPosted>(event.data());
    data.map(|entry| entry.amount).map_err(|error| error.to_string())
}

pub(crate) fn register(worker: Worker) -> Worker {
    let types = ["EntryPosted"];
    worker
        .workflow(LEDGER, ledger)
        .transaction(POST, post)
        .projection(
            BALANCES
                .row(account, |balance, event| Ok(Some(balance.unwrap_or(0) + amount(event)?)))
                .events(types),
        )
        .projection(account_summaries())
        .projection(
            COUNT
                .row(|_| Some("all".to_owned()), |count, _| Ok(Some(count.unwrap_or(0) + 1)))
                .events(types),
        )
        .projection(
            STATUS
                .row(account, |balance, event| Ok(Some(balance.unwrap_or(0) + amount(event)?)))
                .events(types)
                .contract("accountStatusForTax v1"),
        )
}
