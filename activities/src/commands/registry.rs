//! Which handler decides which command, and what stands around all of them.
//!
//! Invariant: a handler goes in and never comes out; the orchestrator alone calls it.

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use everstep_decider::{Decider, Moment, Rejection};
use everstep_engine::{ActivityError, Extension, Payload, Role, TransactionContext, Worker};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::aggregate::{Aggregate, CommandOf, EventOf, StateOf};
use super::boundary::{self, Boundary};
use super::entity_rows;
use super::middleware::{Authorization, Logging, Middleware, RateLimiting, Validation};
use super::personal::PersonalFields;
use super::retention::DEFAULT_RETENTION_MS;
use super::send;
use super::state::Fold;
use super::wrap::{self, Entities};
use super::{Changed, Command, Handled};
use crate::rate_limit::{DurableLimiter, RateLimit, RateLimiter};

type Handle = dyn Fn(&mut TransactionContext<'_>, &Payload, &mut Moment) -> Result<Handled, ActivityError>
    + Send
    + Sync;
type CheckPayload = dyn Fn(&Payload) -> Result<(), String> + Send + Sync;

/// A command's place in the registry.
pub(super) struct Registered {
    pub(super) role: Role,
    pub(super) check: Box<CheckPayload>,
    pub(super) handle: Box<Handle>,
    /// Fields of the payload that are kept sealed.
    pub(super) personal: Option<PersonalFields>,
    /// Where it belongs; none for a handler of its own, which is no decider.
    pub(super) place: Option<Place>,
}

/// The bounded context of a command, and the table of its entity's state.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) context: &'static str,
    pub(super) table: Option<&'static str>,
}

impl Place {
    const fn of<A: Aggregate>() -> Self {
        Self { context: A::CONTEXT, table: Some(A::STREAM_TYPE) }
    }
}

/// A command that a worker takes.
#[derive(Clone, Debug, Serialize)]
pub struct CommandInfo {
    /// Its name.
    #[serde(rename = "type")]
    pub command_type: &'static str,
    /// The smallest role that may send it.
    pub role: &'static str,
    /// The bounded context that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<&'static str>,
}

/// The commands of a worker.
pub struct Commands {
    registered: BTreeMap<&'static str, Registered>,
    aggregates: BTreeMap<&'static str, (TypeId, Fold)>,
    middleware: Vec<Arc<dyn Middleware>>,
    /// Middleware that these commands do not pass.
    skips: BTreeSet<(&'static str, &'static str)>,
    limiters: BTreeMap<&'static str, Arc<dyn RateLimiter>>,
    retention_ms: u64,
    /// How many were sent from outside and answered, for who looks at them.
    pub(super) sent: watch::Sender<u64>,
    mistake: Option<String>,
}

impl Default for Commands {
    fn default() -> Self {
        let middleware: Vec<Arc<dyn Middleware>> =
            vec![Arc::new(Validation), Arc::new(Authorization), Arc::new(Logging)];
        Self {
            registered: BTreeMap::new(),
            aggregates: BTreeMap::new(),
            middleware,
            skips: BTreeSet::new(),
            limiters: BTreeMap::new(),
            retention_ms: DEFAULT_RETENTION_MS,
            sent: watch::Sender::new(0),
            mistake: None,
        }
    }
}

impl Extension for Commands {
    fn check(&self) -> Result<(), String> {
        match &self.mistake {
            Some(mistake) => Err(mistake.clone()),
            None => Ok(()),
        }
    }
}

impl Commands {
    /// A command that creates an entity: `id` says which one, `wish` what the decider is asked. One
    /// that exists is refused with [`Aggregate::ALREADY_EXISTS`].
    pub fn create<A: Aggregate, I: DeserializeOwned + 'static>(
        &mut self,
        command: Command<I, Changed>,
        id: impl Fn(&I) -> String + Send + Sync + 'static,
        wish: impl Fn(I) -> CommandOf<A> + Send + Sync + 'static,
    ) -> &mut Self {
        self.aggregate::<A>();
        self.add(command, Some(Place::of::<A>()), move |tx, input: I, moment| {
            let id = id(&input);
            wrap::create::<A>(tx, &id, &wish(input), moment)
        })
    }

    /// A command that changes an entity. One that does not exist is refused with
    /// [`Aggregate::NOT_FOUND`].
    pub fn modify<A: Aggregate, I: DeserializeOwned + 'static>(
        &mut self,
        command: Command<I, Changed>,
        id: impl Fn(&I) -> String + Send + Sync + 'static,
        wish: impl Fn(I) -> CommandOf<A> + Send + Sync + 'static,
    ) -> &mut Self {
        self.modify_with::<A, I>(command, id, move |_, _, input| Ok(wish(input)))
    }

    /// As [`Commands::modify`], where what the decider is asked depends on more than the payload:
    /// `wish` sees the transaction, to read rows of logic projections, and the entity's state.
    pub fn modify_with<A: Aggregate, I: DeserializeOwned + 'static>(
        &mut self,
        command: Command<I, Changed>,
        id: impl Fn(&I) -> String + Send + Sync + 'static,
        wish: impl Fn(&TransactionContext<'_>, &StateOf<A>, I) -> Result<CommandOf<A>, ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> &mut Self {
        self.aggregate::<A>();
        self.add(command, Some(Place::of::<A>()), move |tx, input: I, moment| {
            let id = id(&input);
            wrap::modify::<A>(tx, &id, |tx, state| wish(tx, state, input), moment)
        })
    }

    /// A command that is decided on whatever it names: `wish` is what the decider is asked. All of
    /// its events stand in one append, which moves the decider's scope by one; the answer names the
    /// scope and its version.
    pub fn within<B: Boundary, I: DeserializeOwned + 'static>(
        &mut self,
        command: Command<I, Changed>,
        wish: impl Fn(I) -> <B::Decider as Decider>::Command + Send + Sync + 'static,
    ) -> &mut Self {
        let place = Place { context: B::CONTEXT, table: None };
        self.add(command, Some(place), move |tx, input: I, moment| {
            boundary::within::<B>(tx, &wish(input), moment)
        })
    }

    /// A command about several entities of one kind at once: all of it happens or nothing.
    /// `scope` names the consistency boundary (a type and an id, within the namespace), whose
    /// version grows by one; `ids` the entities; `decide` is pure and answers events by entity.
    pub fn across<A: Aggregate, I: DeserializeOwned + 'static>(
        &mut self,
        command: Command<I, Vec<Changed>>,
        scope: impl Fn(&I) -> (String, String) + Send + Sync + 'static,
        ids: impl Fn(&I) -> Vec<String> + Send + Sync + 'static,
        decide: impl Fn(&Entities<A>, &I, &mut Moment) -> Result<Vec<(String, EventOf<A>)>, Rejection>
        + Send
        + Sync
        + 'static,
    ) -> &mut Self {
        self.aggregate::<A>();
        self.add(command, Some(Place::of::<A>()), move |tx, input: I, moment| {
            let (scope_type, scope_id) = scope(&input);
            let decide = |entities: &Entities<A>| decide(entities, &input, moment);
            wrap::across::<A>(tx, (&scope_type, &scope_id), &ids(&input), decide)
        })
    }

    /// Entities whose state can be asked for at any version and time. Those of the other commands
    /// are known without.
    pub fn aggregate<A: Aggregate>(&mut self) -> &mut Self {
        let of = TypeId::of::<A>();
        if self.aggregates.entry(A::STREAM_TYPE).or_insert_with(|| (of, Fold::of::<A>())).0 != of {
            let streams = A::STREAM_TYPE;
            self.mistake = Some(format!("streams of type `{streams}` are entities of two types"));
        }
        self
    }

    /// How the state of entities in streams of a type is made.
    pub(super) fn fold(&self, stream_type: &str) -> Option<&Fold> {
        self.aggregates.get(stream_type).map(|(_, fold)| fold)
    }

    /// The type that is declared for the entities in streams of a type.
    pub(super) fn type_of(&self, stream_type: &str) -> Option<TypeId> {
        self.aggregates.get(stream_type).map(|(of, _)| *of)
    }

    /// The types of streams whose entities' state can be asked for.
    pub fn aggregates(&self) -> impl Iterator<Item = &'static str> {
        self.aggregates.keys().copied()
    }

    /// A command with a handler of its own, for what no wrapper does. It reads what it needs, and
    /// hands over what is to be written; what it writes itself is undone unless it is executed.
    pub fn handle<I: DeserializeOwned + 'static, O>(
        &mut self,
        command: Command<I, O>,
        handler: impl Fn(&mut TransactionContext<'_>, I, &mut Moment) -> Result<Handled, ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> &mut Self {
        self.add(command, None, handler)
    }

    fn add<I: DeserializeOwned + 'static, O>(
        &mut self,
        command: Command<I, O>,
        place: Option<Place>,
        handler: impl Fn(&mut TransactionContext<'_>, I, &mut Moment) -> Result<Handled, ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> &mut Self {
        let check = command.check;
        let check = Box::new(move |payload: &Payload| {
            let input = payload.to::<I>().map_err(|error| error.to_string())?;
            check.map_or(Ok(()), |check| check(&input))
        });
        let handle = Box::new(
            move |tx: &mut TransactionContext<'_>, payload: &Payload, moment: &mut Moment| {
                handler(tx, payload.to::<I>()?, moment)
            },
        );
        let (role, personal) = (command.role, command.personal);
        let registered = Registered { role, personal, check, handle, place };
        if self.registered.insert(command.name(), registered).is_some() {
            self.mistake = Some(format!("command `{}` is registered twice", command.name()));
        }
        self
    }

    /// Something that stands around every command, at its place in the order.
    pub fn middleware(&mut self, middleware: impl Middleware) -> &mut Self {
        self.middleware.push(Arc::new(middleware));
        // Stable, so that equal orders keep the order of registration.
        self.middleware.sort_by_key(|middleware| middleware.order());
        self
    }

    /// The command passes the middleware of that name unchecked.
    pub fn skip<I, O>(&mut self, middleware: &'static str, command: Command<I, O>) -> &mut Self {
        self.skips.insert((command.name(), middleware));
        self
    }

    /// Limits how often each user may send the command.
    pub fn limit<I, O>(&mut self, command: Command<I, O>, limit: RateLimit) -> &mut Self {
        self.limit_by(command, DurableLimiter::new(command.name(), limit))
    }

    /// As [`Commands::limit`], by a limiter of the program's own; its keys are the users.
    pub fn limit_by<I, O>(
        &mut self,
        command: Command<I, O>,
        limiter: impl RateLimiter + 'static,
    ) -> &mut Self {
        if self.limiters.is_empty() {
            self.middleware(RateLimiting);
        }
        self.limiters.insert(command.name(), Arc::new(limiter));
        self
    }

    /// The commands' limits whose meters stand in the store.
    pub(crate) fn limits(&self) -> impl Iterator<Item = DurableLimiter> + '_ {
        self.limiters.values().filter_map(|limiter| limiter.durable())
    }

    /// For how long a command's record answers a repetition, in milliseconds.
    pub fn retention_ms(&mut self, ms: u64) -> &mut Self {
        self.retention_ms = ms;
        self
    }

    /// The commands, by name.
    pub fn list(&self) -> Vec<CommandInfo> {
        let info = |(name, of): (&&'static str, &Registered)| CommandInfo {
            command_type: name,
            role: of.role.name(),
            context: of.place.map(|place| place.context),
        };
        self.registered.iter().map(info).collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Registered> {
        self.registered.get(name)
    }

    /// What stands around a command, in order.
    pub(super) fn around<'c>(
        &'c self,
        command: &'c str,
    ) -> impl Iterator<Item = &'c Arc<dyn Middleware>> + 'c {
        self.middleware.iter().filter(move |middleware| {
            let skips = |(of, by): &(&str, &str)| *of == command && *by == middleware.name();
            !self.skips.iter().any(skips)
        })
    }

    pub(super) fn limiter_of(&self, command: &str) -> Option<&dyn RateLimiter> {
        self.limiters.get(command).map(|limiter| &**limiter)
    }

    pub(super) const fn kept_for_ms(&self) -> u64 {
        self.retention_ms
    }
}

impl std::fmt::Debug for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let commands: Vec<_> = self.registered.keys().collect();
        f.debug_struct("Commands").field("commands", &commands).finish_non_exhaustive()
    }
}

/// Commands on a worker.
pub trait WorkerCommands {
    /// Declares commands; may be called by each domain for its own.
    #[must_use]
    fn commands(self, declare: impl FnOnce(&mut Commands)) -> Self;
}

impl WorkerCommands for Worker {
    fn commands(self, declare: impl FnOnce(&mut Commands)) -> Self {
        let first = self.extension::<Commands>().is_none();
        let worker = self.extend(declare);
        let names: Vec<_> = worker
            .extension::<Commands>()
            .map_or_else(Vec::new, |commands| commands.registered.keys().copied().collect());
        let worker = send::as_steps(worker, names);
        match first {
            true => entity_rows::register(worker).workflow(send::SENDER, send::sender),
            false => worker,
        }
    }
}
