//! Who asks: a name, a role and the namespaces that it may reach. It is handed down as an
//! argument to whatever needs it; nothing looks it up from around itself.
//!
//! Invariant: a principal never grows. It is made once where a caller is recognised, and every
//! check after that only asks it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What a caller may do; each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks at everything that is shown.
    Viewer,
    /// What an application does: starts, signals, sends commands, appends events.
    App,
    /// Steers what runs: cancels, pauses, resets, retries, sets limits.
    Operator,
    /// Everything else: namespaces, rebuilds, backups, the clock of a test server.
    Admin,
}

impl Role {
    /// From the one that may least to the one that may most.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::App, Self::Operator, Self::Admin];

    /// The role as it is written in files and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::App => "app",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role as a sentence begins with it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Viewer => "Viewer",
            Self::App => "App",
            Self::Operator => "Operator",
            Self::Admin => "Admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no role; there are viewer, app, operator and admin")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// Why a principal may not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// Its role is too small.
    #[error("UNAUTHORIZED: {} role required", .0.title())]
    Role(Role),
    /// The namespace is not one of its own.
    #[error("UNAUTHORIZED: `{principal}` does not reach namespace `{namespace}`")]
    Namespace {
        /// Who asked.
        principal: Arc<str>,
        /// For what.
        namespace: String,
    },
    /// It asks for something that belongs to all namespaces at once.
    #[error("UNAUTHORIZED: `{0}` reaches some namespaces, and this is about all of them")]
    Everywhere(Arc<str>),
}

/// A caller that was recognised. Clones are cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    name: Arc<str>,
    role: Role,
    /// None for all of them.
    namespaces: Option<Arc<BTreeSet<String>>>,
}

impl Principal {
    /// One that reaches every namespace.
    pub fn new(name: impl Into<Arc<str>>, role: Role) -> Self {
        Self { name: name.into(), role, namespaces: None }
    }

    /// Whoever speaks to a server that asks nobody who they are.
    pub fn local() -> Self {
        Self::new("local", Role::Admin)
    }

    /// The same with these namespaces and no other.
    #[must_use]
    pub fn only(mut self, namespaces: impl IntoIterator<Item = String>) -> Self {
        self.namespaces = Some(Arc::new(namespaces.into_iter().collect()));
        self
    }

    /// Its name, which goes into records of what it did.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it may do.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The namespaces that it is limited to; none where it reaches all of them.
    pub fn namespaces(&self) -> Option<impl Iterator<Item = &str>> {
        self.namespaces.as_ref().map(|own| own.iter().map(String::as_str))
    }

    /// Whether it reaches the namespace.
    pub fn reaches(&self, namespace: &str) -> bool {
        self.namespaces.as_ref().is_none_or(|own| own.contains(namespace))
    }

    /// Refuses a smaller role.
    ///
    /// # Errors
    /// [`Denied::Role`].
    pub fn require(&self, role: Role) -> Result<(), Denied> {
        if self.role >= role { Ok(()) } else { Err(Denied::Role(role)) }
    }

    /// Refuses a namespace that is not its own.
    ///
    /// # Errors
    /// [`Denied::Namespace`].
    pub fn reach(&self, namespace: &str) -> Result<(), Denied> {
        if self.reaches(namespace) {
            return Ok(());
        }
        let principal = Arc::clone(&self.name);
        Err(Denied::Namespace { principal, namespace: namespace.to_owned() })
    }

    /// Refuses one that is limited to some namespaces.
    ///
    /// # Errors
    /// [`Denied::Everywhere`].
    pub fn reach_everywhere(&self) -> Result<(), Denied> {
        match self.namespaces {
            None => Ok(()),
            Some(_) => Err(Denied::Everywhere(Arc::clone(&self.name))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_those_before_it_may() {
        for (at, role) in Role::ALL.into_iter().enumerate() {
            assert_eq!(role.name().parse(), Ok(role));
            let principal = Principal::new("ada", role);
            for (other_at, other) in Role::ALL.into_iter().enumerate() {
                assert_eq!(principal.require(other).is_ok(), other_at <= at, "{role} {other}");
            }
        }
        assert!("root".parse::<Role>().is_err());
        let denied = Principal::new("ada", Role::App).require(Role::Admin).unwrap_err();
        assert_eq!(denied.to_string(), "UNAUTHORIZED: Admin role required");
    }

    #[test]
    fn a_tenant_reaches_its_own_namespaces() {
        let tenant = Principal::new("shop", Role::Admin).only(["shop".to_owned()]);
        assert!(tenant.reach("shop").is_ok() && tenant.reach("other").is_err());
        assert!(tenant.reach_everywhere().is_err());
        assert!(Principal::local().reach("other").is_ok());
        assert!(Principal::local().reach_everywhere().is_ok());
    }
}
