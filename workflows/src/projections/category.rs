//! What a projection is for, and what follows from it.

use std::fmt;
use std::str::FromStr;

use everstep_engine::Role;
use serde::{Deserialize, Serialize};

use super::ProjectionError;

/// What a projection is for. There are these four, and every projection says which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// What decisions read: few fields, kept in the transaction that appends the events, shown to
    /// nobody outside.
    Logic,
    /// What people look at: everything a screen needs, close behind the events, readable and
    /// followed by clients.
    View,
    /// What is counted and summed up: behind by as much as it takes, read by admins.
    Reporting,
    /// What other contexts are told: its shape is a contract, and it reaches them by events.
    Integration,
}

/// How a projection is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// In the transaction that appends the events: never behind.
    Inline,
    /// From its checkpoint, beside the transactions.
    Async,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 4] = [Self::Logic, Self::View, Self::Reporting, Self::Integration];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logic => "logic",
            Self::View => "view",
            Self::Reporting => "reporting",
            Self::Integration => "integration",
        }
    }

    /// How one of the category is kept that says nothing else.
    pub const fn delivery(self) -> Delivery {
        match self {
            Self::Logic => Delivery::Inline,
            Self::View | Self::Reporting | Self::Integration => Delivery::Async,
        }
    }

    /// How it is asked: `internal`, `client`, `admin` or `events`.
    pub const fn query_pattern(self) -> &'static str {
        match self {
            Self::Logic => "internal",
            Self::View => "client",
            Self::Reporting => "admin",
            Self::Integration => "events",
        }
    }

    /// Whether clients may follow it.
    pub const fn is_reactive(self) -> bool {
        matches!(self, Self::View)
    }

    /// The category of a text, or of none.
    ///
    /// # Errors
    /// [`ProjectionError::CategoryRequired`], [`ProjectionError::InvalidCategory`].
    pub fn required(text: Option<&str>) -> Result<Self, ProjectionError> {
        text.ok_or(ProjectionError::CategoryRequired)?.parse()
    }

    /// Refuses whoever may not read rows of the category; the category alone decides.
    ///
    /// # Errors
    /// [`ProjectionError::InternalOnly`], [`ProjectionError::AdminOnly`].
    pub fn check_reader(self, name: &str, role: Role) -> Result<(), ProjectionError> {
        match self {
            Self::View => Ok(()),
            Self::Reporting if role >= Role::Admin => Ok(()),
            Self::Reporting => Err(ProjectionError::AdminOnly(name.to_owned())),
            Self::Logic | Self::Integration => {
                Err(ProjectionError::InternalOnly { name: name.to_owned(), category: self })
            }
        }
    }

    /// Refuses to follow what is no view.
    ///
    /// # Errors
    /// [`ProjectionError::SubscriptionsNotSupported`].
    pub fn check_follower(self, name: &str) -> Result<(), ProjectionError> {
        if self.is_reactive() {
            return Ok(());
        }
        Err(ProjectionError::SubscriptionsNotSupported { name: name.to_owned(), category: self })
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Category {
    type Err = ProjectionError;

    fn from_str(text: &str) -> Result<Self, ProjectionError> {
        let found = Self::ALL.into_iter().find(|category| category.name() == text);
        found.ok_or_else(|| ProjectionError::InvalidCategory(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_one_of_four() {
        for category in Category::ALL {
            assert_eq!(Category::required(Some(category.name())).unwrap(), category);
        }
        let missing = Category::required(None).unwrap_err();
        assert_eq!(missing.code(), "CATEGORY_REQUIRED");
        for name in ["logic", "view", "reporting", "integration"] {
            assert!(missing.to_string().contains(name), "{missing}");
        }
        for text in ["", "View", "views", "LOGIC"] {
            assert_eq!(Category::required(Some(text)).unwrap_err().code(), "INVALID_CATEGORY");
        }
    }

    #[test]
    fn the_category_alone_decides_who_reads_and_who_follows() {
        use Category::{Integration, Logic, Reporting, View};
        for (category, role, refusal) in [
            (Logic, Role::Admin, Some("INTERNAL_ONLY")),
            (View, Role::Viewer, None),
            (Reporting, Role::Operator, Some("ADMIN_ONLY")),
            (Reporting, Role::Admin, None),
            (Integration, Role::Admin, Some("INTERNAL_ONLY")),
        ] {
            let refused = category.check_reader("p", role).err();
            assert_eq!(refused.as_ref().map(ProjectionError::code), refusal, "{category} {role}");
        }
        for category in Category::ALL {
            let refused = category.check_follower("p").err();
            assert_eq!(refused.is_none(), category == View, "{category}");
            let code = refused.as_ref().map(ProjectionError::code);
            assert!(code.is_none_or(|code| code == "SUBSCRIPTIONS_NOT_SUPPORTED"));
        }
    }
}
