//! Accounts: opened, paid into, paid out of, frozen, closed, and money moved between two of them.
//!
//! | command | payload | rejected with |
//! | --- | --- | --- |
//! | `OpenAccount` | `{id, owner}` | `ACCOUNT_EXISTS` |
//! | `Deposit`, `Withdraw` | `{id, cents}` | `ACCOUNT_NOT_FOUND`, `INSUFFICIENT_FUNDS`, `INVALID_STATUS` |
//! | `FreezeAccount`, `CloseAccount` | `{id}` | `INVALID_STATUS` with what is allowed |
//! | `MoveMoney` | `{moves: [{from, to, cents}]}` | as `Withdraw`; all moves or none |
//! | `AuditAccount` | `{id}`: always fails, with an event | |
//! | `Explode` | anything: panics | |
//! | `AdminNote` | `{id}`: for admins | |
//! | `NoteInScope` | `{scope}`: context `notes` writes to the scope | |
//! | `Knock` | `{id}`: twice at once, then once a minute | |
//!
//! The workflow `deposit` sends `Deposit` as a step.

use std::time::Duration;

use everstep::commands::{
    Aggregate, Changed, Command, Commands, Decision, Entities, Handled, SendCommands,
    WorkerCommands,
};
use everstep::decider::fsm::{Machine, State};
use everstep::decider::{Decider, Failed, Moment, Output, Rejection};
use everstep::log::{Expected, NewEvent, StreamAppend, StreamId};
use everstep::rate_limit::RateLimit;
use everstep::{Role, Worker, Workflow, WorkflowContext, WorkflowError};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct Open {
    id: String,
    owner: String,
}

#[derive(Deserialize, Serialize)]
struct Amount {
    id: String,
    cents: u64,
}

#[derive(Deserialize, Serialize)]
struct OfAccount {
    id: String,
}

#[derive(Deserialize, Serialize)]
struct InScope {
    scope: String,
}

#[derive(Deserialize, Serialize)]
struct Moves {
    moves: Vec<Move>,
}

#[derive(Deserialize, Serialize)]
struct Move {
    from: String,
    to: String,
    cents: u64,
}

const OPEN: Command<Open, Changed> = Command::new("OpenAccount");
const DEPOSIT: Command<Amount, Changed> = Command::new("Deposit").check(some);
const WITHDRAW: Command<Amount, Changed> = Command::new("Withdraw").check(some);
const FREEZE: Command<OfAccount, Changed> = Command::new("FreezeAccount");
const CLOSE: Command<OfAccount, Changed> = Command::new("CloseAccount");
const AUDIT: Command<OfAccount, Changed> = Command::new("AuditAccount");
const MOVE: Command<Moves, Vec<Changed>> = Command::new("MoveMoney");
const EXPLODE: Command<serde_json::Value, ()> = Command::new("Explode");
const ADMIN_NOTE: Command<OfAccount, ()> = Command::new("AdminNote").role(Role::Admin);
const NOTE_IN_SCOPE: Command<InScope, ()> = Command::new("NoteInScope");
const KNOCK: Command<OfAccount, ()> =
    Command::new("Knock").role(Role::Operator).check(|knock| match knock.id.as_str() {
        "" => Err("field `id` is empty".to_owned()),
        _ => Ok(()),
    });
const DEPOSITING: Workflow<Amount, Changed> = Workflow::new("deposit");

fn some(amount: &Amount) -> Result<(), String> {
    if amount.cents > 0 { Ok(()) } else { Err("field `cents` is 0".to_owned()) }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Status {
    #[default]
    Open,
    Frozen,
    Closed,
}

impl State for Status {
    const ALL: &'static [Self] = &[Self::Open, Self::Frozen, Self::Closed];

    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Frozen => "frozen",
            Self::Closed => "closed",
        }
    }
}

const STATUS: Machine<Status> = Machine::new(
    "account",
    Status::Open,
    &[(Status::Open, &[Status::Frozen, Status::Closed]), (Status::Frozen, &[Status::Open])],
);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Account {
    status: Status,
    cents: u64,
}

enum Wish {
    Open(String),
    Deposit(u64),
    Withdraw(u64),
    Become(Status),
    Audit,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum Event {
    AccountOpened { owner: String, at_ms: i64 },
    Deposited { cents: u64 },
    Withdrawn { cents: u64 },
    AccountFrozen,
    AccountClosed,
    AuditFailed { cents: u64 },
}

struct Accounts;

impl Accounts {
    fn withdraw(account: &Account, cents: u64) -> Result<Event, Rejection> {
        if account.status != Status::Open {
            let what = format!("the account is {}", account.status.name());
            return Err(
                Rejection::new("INVALID_STATUS", what).with("status", account.status.name())
            );
        }
        if account.cents < cents {
            let what = format!("there are {} cents, {cents} were asked for", account.cents);
            let rejection = Rejection::new("INSUFFICIENT_FUNDS", what);
            return Err(rejection.with("available", account.cents).with("requested", cents));
        }
        Ok(Event::Withdrawn { cents })
    }
}

impl Decider for Accounts {
    type State = Account;
    type Command = Wish;
    type Event = Event;

    fn decide(account: &Account, wish: &Wish, moment: &mut Moment) -> Output<Self> {
        let event = match wish {
            Wish::Open(owner) => {
                Event::AccountOpened { owner: owner.clone(), at_ms: moment.now_ms() }
            }
            Wish::Deposit(cents) => Event::Deposited { cents: *cents },
            Wish::Withdraw(cents) => match Self::withdraw(account, *cents) {
                Ok(event) => event,
                Err(rejection) => return rejection.into(),
            },
            Wish::Become(to) => match STATUS.check(account.status, *to) {
                Ok(()) if *to == Status::Frozen => Event::AccountFrozen,
                Ok(()) => Event::AccountClosed,
                Err(refused) => return Rejection::transition("INVALID_STATUS", &refused).into(),
            },
            Wish::Audit => {
                let failed =
                    Failed::new("the auditor cannot be reached").with("cents", account.cents);
                return Output::failed(failed.event(Event::AuditFailed { cents: account.cents }));
            }
        };
        Output::success(account, vec![event])
    }

    fn evolve(account: Account, event: &Event) -> Account {
        match event {
            Event::AccountOpened { .. } | Event::AuditFailed { .. } => account,
            Event::Deposited { cents } => Account { cents: account.cents + cents, ..account },
            Event::Withdrawn { cents } => Account { cents: account.cents - cents, ..account },
            Event::AccountFrozen => Account { status: Status::Frozen, ..account },
            Event::AccountClosed => Account { status: Status::Closed, ..account },
        }
    }
}

impl Aggregate for Accounts {
    type Decider = Self;
    const CONTEXT: &'static str = "accounts";
    const STREAM_TYPE: &'static str = "Account";
    const NOT_FOUND: &'static str = "ACCOUNT_NOT_FOUND";
    const ALREADY_EXISTS: &'static str = "ACCOUNT_EXISTS";

    fn tags(id: &str, _: &Event) -> Vec<String> {
        vec![format!("account:{id}")]
    }
}

/// All moves, in order, each on what those before it left.
fn move_money(
    accounts: &Entities<Accounts>,
    moves: &Moves,
    _: &mut Moment,
) -> Result<Vec<(String, Event)>, Rejection> {
    let mut now = accounts.clone();
    let mut events = Vec::new();
    let mut happen = |now: &mut Entities<Accounts>, id: &str, event: Event| {
        if let Some(account) = now.get(id).cloned() {
            now.insert(id.to_owned(), Accounts::evolve(account, &event));
        }
        events.push((id.to_owned(), event));
    };
    for Move { from, to, cents } in &moves.moves {
        let Some(account) = now.get(from) else { continue };
        let taken = Accounts::withdraw(account, *cents);
        let taken = taken.map_err(|rejection| rejection.with("account", from.as_str()))?;
        happen(&mut now, from, taken);
        happen(&mut now, to, Event::Deposited { cents: *cents });
    }
    Ok(events)
}

fn declare(commands: &mut Commands) {
    commands
        .create::<Accounts, _>(OPEN, |open| open.id.clone(), |open| Wish::Open(open.owner))
        .modify::<Accounts, _>(DEPOSIT, |to| to.id.clone(), |to| Wish::Deposit(to.cents))
        .modify::<Accounts, _>(WITHDRAW, |of| of.id.clone(), |of| Wish::Withdraw(of.cents))
        .modify::<Accounts, _>(FREEZE, |of| of.id.clone(), |_| Wish::Become(Status::Frozen))
        .modify::<Accounts, _>(CLOSE, |of| of.id.clone(), |_| Wish::Become(Status::Closed))
        .modify::<Accounts, _>(AUDIT, |of| of.id.clone(), |_| Wish::Audit)
        .across::<Accounts, _>(
            MOVE,
            |_| ("money".to_owned(), "all".to_owned()),
            |moves| {
                let ends = moves.moves.iter().flat_map(|of| [of.from.clone(), of.to.clone()]);
                let mut ids: Vec<String> = ends.collect();
                ids.sort();
                ids.dedup();
                ids
            },
            move_money,
        )
        .handle(EXPLODE, |_, _, _| panic!("as asked"))
        .handle(ADMIN_NOTE, |_, _, _| Ok(Handled::Executed(Decision::new())))
        .handle(NOTE_IN_SCOPE, |_, note, _| {
            let mut event = NewEvent::new("Noted", "{}").tag(note.scope);
            event.context = Some("notes".into());
            let stream = StreamId::new("Note", "all");
            let events = vec![event];
            let append = StreamAppend { stream: Some(stream), expected: Expected::Any, events };
            Ok(Handled::Executed(Decision::new().append(append)))
        })
        .handle(KNOCK, |_, _, _| Ok(Handled::Executed(Decision::new())))
        .limit(KNOCK, RateLimit::token_bucket(1, Duration::from_secs(60)).capacity(2));
}

async fn deposit(ctx: &WorkflowContext, amount: Amount) -> Result<Changed, WorkflowError> {
    Ok(ctx.command(DEPOSIT, &amount).await?)
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.commands(declare).workflow(DEPOSITING, deposit)
}
