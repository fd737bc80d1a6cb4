//! What a command is known by: its name, its payload, its answer.

use std::marker::PhantomData;

use everstep_engine::Role;
use serde::{Deserialize, Serialize};

use super::personal::PersonalFields;

type Check<I> = fn(&I) -> Result<(), String>;

/// A kind of command: its durable name, what it takes, what it answers. Make it a constant.
///
/// ```
/// # use everstep_activities::commands::{Changed, Command};
/// # use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize)]
/// struct Rename { id: String, name: String }
///
/// const RENAME: Command<Rename, Changed> = Command::new("RenameCustomer")
///     .check(|rename| match rename.name.as_str() {
///         "" => Err("name is empty".to_owned()),
///         _ => Ok(()),
///     });
/// ```
pub struct Command<I, O> {
    name: &'static str,
    pub(super) role: Role,
    pub(super) check: Option<Check<I>>,
    pub(super) personal: Option<PersonalFields>,
    types: PhantomData<fn(I) -> O>,
}

impl<I, O> Clone for Command<I, O> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<I, O> Copy for Command<I, O> {}

impl<I, O> Command<I, O> {
    /// The command of that name, in the imperative; whoever has the role `app` may send it.
    pub const fn new(name: &'static str) -> Self {
        Self { name, role: Role::App, check: None, personal: None, types: PhantomData }
    }

    /// Sent by callers of this role and above only.
    #[must_use]
    pub const fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// What a payload must be beside its shape: what the check returns is told to the sender, and
    /// the handler never sees such a payload. Pure.
    #[must_use]
    pub const fn check(mut self, check: Check<I>) -> Self {
        self.check = Some(check);
        self
    }

    /// Fields of the payload that are about a person, whose id stands in the field `subject`. The
    /// record keeps them sealed under that person's key, as events keep theirs.
    #[must_use]
    pub const fn personal(
        mut self,
        subject: &'static str,
        fields: &'static [&'static str],
    ) -> Self {
        self.personal = Some(PersonalFields { subject, fields });
        self
    }

    /// The durable name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// What the wrappers around a decider answer: the entity, and the version that its stream has now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The entity's id.
    pub id: String,
    /// Its stream's version: how many events it has.
    pub version: u64,
}
