//! A projection's declaration as text, from wherever it comes, held against the rules of its
//! category.

use serde::{Deserialize, Serialize};

use super::projection::check;
use super::{Category, Delivery, ProjectionError};

/// What somebody declares.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ProjectionSpec {
    /// Its name.
    pub name: String,
    /// `logic`, `view`, `reporting` or `integration`.
    #[serde(default)]
    pub category: Option<String>,
    /// `inline` or `async`; the category's own when absent.
    #[serde(default)]
    pub delivery: Option<Delivery>,
    /// The contract of an integration projection.
    #[serde(default)]
    pub contract: Option<String>,
}

/// What follows from a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Characteristics {
    /// What it is for.
    pub category: Category,
    /// How it is kept.
    pub delivery: Delivery,
    /// How it is asked: `internal`, `client`, `admin` or `events`.
    pub query_pattern: &'static str,
    /// Whether clients may follow it.
    pub reactive: bool,
}

impl ProjectionSpec {
    /// What follows from the declaration.
    ///
    /// # Errors
    /// [`ProjectionError::CategoryRequired`], [`ProjectionError::InvalidCategory`],
    /// [`ProjectionError::Invalid`].
    pub fn check(&self) -> Result<Characteristics, ProjectionError> {
        let category = Category::required(self.category.as_deref())?;
        let delivery = self.delivery.unwrap_or(category.delivery());
        check(&self.name, category, delivery, self.contract.as_deref())?;
        let (query_pattern, reactive) = (category.query_pattern(), category.is_reactive());
        Ok(Characteristics { category, delivery, query_pattern, reactive })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(category: Category, delivery: Option<Delivery>, contract: bool) -> ProjectionSpec {
        ProjectionSpec {
            name: "p".to_owned(),
            category: Some(category.name().to_owned()),
            delivery,
            contract: contract.then(|| "p v1".to_owned()),
        }
    }

    #[test]
    fn each_category_allows_what_is_its_own() {
        use Category::{Integration, Logic, Reporting, View};
        use Delivery::{Async, Inline};
        for (category, delivery, contract, fine) in [
            (Logic, None, false, true),
            (Logic, Some(Inline), false, true),
            (Logic, Some(Async), false, false),
            (View, None, false, true),
            (View, Some(Inline), false, true),
            (View, Some(Async), true, false),
            (Reporting, None, false, true),
            (Reporting, Some(Inline), false, false),
            (Integration, None, false, false),
            (Integration, None, true, true),
            (Integration, Some(Inline), true, false),
        ] {
            let checked = spec(category, delivery, contract).check();
            assert_eq!(checked.is_ok(), fine, "{category} {delivery:?} {contract}");
        }
        assert_eq!(spec(Logic, None, false).check().unwrap().delivery, Inline);
        let nameless = ProjectionSpec { name: "a/b".into(), ..spec(View, None, false) };
        assert_eq!(nameless.check().unwrap_err().code(), "invalid_projection");
    }
}
