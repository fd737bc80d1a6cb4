//! In which order runs are listed: what an index serves, and nothing else.

use std::fmt;
use std::str::FromStr;

use crate::Rejection;

/// By what the list is sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// When runs started.
    #[default]
    Started,
    /// When runs closed; open ones are left out.
    Closed,
    /// The value of a search attribute; runs without it are left out.
    Attribute(String),
}

/// The list's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListOrder {
    /// By what.
    pub by: SortBy,
    /// The newest, or the greatest, first.
    pub descending: bool,
}

impl Default for ListOrder {
    fn default() -> Self {
        Self { by: SortBy::Started, descending: true }
    }
}

impl FromStr for ListOrder {
    type Err = Rejection;

    /// Reads `started_at`, `closed_at` or `attr.NAME`, with `-` in front for descending.
    fn from_str(text: &str) -> Result<Self, Rejection> {
        let (field, descending) = match text.strip_prefix('-') {
            Some(field) => (field, true),
            None => (text, false),
        };
        let by = match (field, field.strip_prefix("attr.")) {
            ("started_at", _) => SortBy::Started,
            ("closed_at", _) => SortBy::Closed,
            (_, Some(name)) if !name.is_empty() => SortBy::Attribute(name.to_owned()),
            _ => return Err(Rejection::UnsupportedSort(text.to_owned())),
        };
        Ok(Self { by, descending })
    }
}

impl fmt::Display for ListOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.descending {
            f.write_str("-")?;
        }
        match &self.by {
            SortBy::Started => f.write_str("started_at"),
            SortBy::Closed => f.write_str("closed_at"),
            SortBy::Attribute(name) => write!(f, "attr.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_from_its_text() {
        for text in ["started_at", "-started_at", "closed_at", "-attr.amount.net"] {
            assert_eq!(text.parse::<ListOrder>().unwrap().to_string(), text);
        }
        assert_eq!(ListOrder::default().to_string(), "-started_at");
        for text in ["", "-", "duration", "attr.", "--started_at"] {
            let refused = text.parse::<ListOrder>().unwrap_err();
            assert!(refused.to_string().contains("started_at, closed_at"), "{refused}");
        }
    }
}
