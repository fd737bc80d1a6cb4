//! Rows that an earlier build left in another shape, taken along once.
//!
//! Invariant: a row is in its old table or has been taken along, never both and never neither: its
//! deletion stands with what was written for it. What is over is never begun again in a namespace.

use std::collections::BTreeMap;
use std::sync::Arc;

use everstep_engine::{
    ActivityError, BoundedContext, ContextTable, ContextTx, Engine, Extension, Failure, Keys,
    Rejection, Retry, Selector, Table, Timestamp, TransactError, Transaction, TransactionContext,
    Worker, Workflow, WorkflowContext, WorkflowError,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Context;

/// Rows that one transaction takes along.
const ROWS_AT_ONCE: usize = 200;
/// How far each migration is, by context and name.
const MIGRATIONS: Table<Progress> = Table::new("everstep", "migrations");

const MIGRATE: Workflow<Which, u64> = Workflow::new("everstep.migration");
const TAKE: Transaction<Which, bool> =
    Transaction::new("everstep.migrate_rows").retry(Retry::DEFAULT);

/// Which migration.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Which {
    context: String,
    name: String,
}

impl Which {
    fn row(&self) -> String {
        format!("{}/{}", self.context, self.name)
    }
}

/// How far a migration is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    rows: u64,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
}

/// A migration as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationView {
    /// Whose rows.
    pub context: String,
    /// Its name.
    pub name: String,
    /// The table that it empties.
    pub table: String,
    /// `pending`, `running`, `completed`, or `failed`: its workflow has ended without being through,
    /// and goes on when it is reset.
    pub status: String,
    /// Rows that were taken along.
    pub rows: u64,
    /// Why it does not go on, or why its last try came to nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When the old table was empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The workflow that does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
}

/// Takes along the next rows; answers how many there were.
type Take = Arc<dyn Fn(&mut TransactionContext<'_>) -> Result<usize, ActivityError> + Send + Sync>;

/// One migration of a context.
#[derive(Clone)]
pub(super) struct Migration {
    table: &'static str,
    take: Take,
}

pub(super) type OfContext = BTreeMap<&'static str, Migration>;

/// The migrations of a worker, by context and name.
#[derive(Default)]
struct Migrations(BTreeMap<(&'static str, &'static str), Migration>);

impl Extension for Migrations {}

impl Migrations {
    fn find(&self, which: &Which) -> Option<&Migration> {
        let is_it =
            |(context, name): &(&str, &str)| *context == which.context && *name == which.name;
        self.0.iter().find(|(key, _)| is_it(key)).map(|(_, migration)| migration)
    }
}

impl<C: BoundedContext> Context<C> {
    /// Takes along what an earlier build left in `table`, once in each namespace, under a durable
    /// name: `code` is handed each row, writes what becomes of it into the context's other tables,
    /// and the row is deleted in the same transaction. It begins when a server opens, beside live
    /// work: `code` looks whether a handler has written the new row meanwhile. The contract has both
    /// tables until every server is through; an error is tried again, and leaves the row.
    #[must_use]
    pub fn migration<V: DeserializeOwned + 'static>(
        mut self,
        name: &'static str,
        table: ContextTable<C, V>,
        code: impl Fn(&mut ContextTx<'_, '_, C>, &str, V) -> Result<(), ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        if let Err(error) = self.contract.check_table(table.name()) {
            self.mistakes.push(format!("migration `{name}`: {error}"));
        }
        let own = Arc::clone(&self.own);
        let take = Arc::new(move |tx: &mut TransactionContext<'_>| {
            let mut entered = tx.enter(&*own)?;
            let rows = entered.range(table, &Keys::all().limit(ROWS_AT_ONCE))?;
            let count = rows.len();
            for (key, row) in rows {
                code(&mut entered, &key, row)?;
                entered.delete(table, &key)?;
            }
            // What the contract forbids is not mended by code that passes over it.
            entered.violation().map_or(Ok(count), Err)
        });
        if self.migrations.insert(name, Migration { table: table.name(), take }).is_some() {
            self.mistakes.push(format!("context `{}` has two migrations `{name}`", C::NAME));
        }
        self
    }
}

/// Adds a context's migrations to a worker.
pub(super) fn register(worker: Worker, context: &'static str, of: OfContext) -> Worker {
    if of.is_empty() {
        return worker;
    }
    let worker = match worker.extension::<Migrations>() {
        Some(_) => worker,
        None => worker.built_in(MIGRATE, migrate).transaction(TAKE, take),
    };
    let named = of.into_iter().map(move |(name, migration)| ((context, name), migration));
    worker.extend(|all: &mut Migrations| all.0.extend(named))
}

async fn migrate(ctx: &WorkflowContext, which: Which) -> Result<u64, WorkflowError> {
    let mut transactions = 0;
    while ctx.transaction(TAKE, which.clone()).await? {
        transactions += 1;
        if ctx.should_continue_as_new() {
            return ctx.continue_as_new(which);
        }
    }
    Ok(transactions)
}

#[expect(clippy::needless_pass_by_value, reason = "a transaction is handed its input")]
fn take(tx: &mut TransactionContext<'_>, which: Which) -> Result<bool, ActivityError> {
    let migrations = tx.extension::<Migrations>();
    let Some(migration) = migrations.as_ref().and_then(|all| all.find(&which)) else {
        let what = format!(
            "the program that runs here has no migration `{}` of context `{}`: register it again",
            which.name, which.context
        );
        return Err(ActivityError::new("unknown_migration", what));
    };
    let taken = (migration.take)(tx)?;
    let now = tx.now();
    let fresh = || Progress { rows: 0, started_at: now, ended_at: None };
    let mut progress = tx.get(MIGRATIONS, &which.row())?.unwrap_or_else(fresh);
    progress.rows += taken as u64;
    let is_over = taken < ROWS_AT_ONCE;
    progress.ended_at = is_over.then_some(now);
    tx.put(MIGRATIONS, &which.row(), &progress)?;
    Ok(!is_over)
}

/// Begins the migrations of an engine's worker, in every namespace where they have not begun.
/// Namespaces that are made later have nothing to take along. A server does this when it opens.
///
/// # Errors
/// When the store cannot be written.
pub async fn begin_migrations(engine: &Engine) -> Result<(), TransactError> {
    if engine.extension::<Migrations>().is_none() {
        return Ok(());
    }
    for namespace in engine.namespaces() {
        let begun = engine.transact(&namespace.name, |tx| {
            let Some(migrations) = tx.extension::<Migrations>() else { return Ok(()) };
            for (context, name) in migrations.0.keys() {
                let which = Which { context: (*context).to_owned(), name: (*name).to_owned() };
                if tx.get(MIGRATIONS, &which.row())?.is_none() {
                    let (started_at, ended_at) = (tx.now(), None);
                    tx.put(MIGRATIONS, &which.row(), &Progress { rows: 0, started_at, ended_at })?;
                    tx.start(MIGRATE, workflow_id(&which), &which)?;
                }
            }
            Ok(())
        });
        begun.await?;
    }
    Ok(())
}

fn workflow_id(which: &Which) -> String {
    format!("{}:{}", MIGRATE.name(), which.row())
}

/// The migrations of an engine's worker and how far they are in a namespace, by context and name.
/// Reads the store, so it may block for a moment.
///
/// # Errors
/// When there is no such namespace, or the store cannot be read.
pub fn migrations(engine: &Engine, namespace: &str) -> Result<Vec<MigrationView>, Rejection> {
    let declared = engine.extension::<Migrations>();
    let shown = |(&(context, name), migration): (&(&str, &str), &Migration)| {
        let which = Which { context: context.to_owned(), name: name.to_owned() };
        let read = || engine.rows(namespace)?.get(MIGRATIONS, &which.row());
        let run = match read()? {
            Some(Progress { ended_at: None, .. }) => trouble(engine, namespace, &which)?,
            _ => ("running", None),
        };
        // It may have ended well meanwhile, and then its row says so.
        let progress = read()?;
        let (status, error) = match &progress {
            None => ("pending", None),
            Some(Progress { ended_at: None, .. }) => run,
            Some(_) => ("completed", None),
        };
        Ok(MigrationView {
            context: context.to_owned(),
            name: name.to_owned(),
            table: migration.table.to_owned(),
            status: status.to_owned(),
            rows: progress.as_ref().map_or(0, |it| it.rows),
            error,
            started_at: progress.as_ref().map(|it| it.started_at),
            ended_at: progress.as_ref().and_then(|it| it.ended_at),
            workflow_id: progress.map(|_| workflow_id(&which)),
        })
    };
    declared.iter().flat_map(|all| &all.0).map(shown).collect()
}

/// How a migration stands that is not through, and what keeps it from going on.
fn trouble(
    engine: &Engine,
    namespace: &str,
    which: &Which,
) -> Result<(&'static str, Option<String>), Rejection> {
    let workflow_id = workflow_id(which);
    let selector = Selector { namespace: namespace.to_owned(), workflow_id, run_id: None };
    let run = match engine.describe(&selector) {
        Ok(run) => run,
        Err(gone @ Rejection::WorkflowNotFound(_)) => {
            return Ok(("failed", Some(gone.to_string())));
        }
        Err(rejection) => return Err(rejection),
    };
    let said = |failure: Failure| failure.message;
    if run.status.is_closed() {
        let ended = || format!("its workflow is {}", run.status);
        return Ok(("failed", Some(run.failure.map_or_else(ended, said))));
    }
    let last = run.pending_activities.into_iter().find_map(|it| it.last_failure);
    Ok(("running", last.map(said)))
}
