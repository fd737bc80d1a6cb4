//! Words of another system and what they mean here, both ways.

use std::fmt::Debug;

use super::TranslationError;

/// The values of one field: theirs and ours, in pairs.
///
/// ```
/// use everstep_activities::ValueMap;
///
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// enum Payment { Paid, Declined }
///
/// let status = ValueMap::new("status", [("succeeded", Payment::Paid), ("failed", Payment::Declined)]);
/// assert_eq!(status.inbound("succeeded")?, Payment::Paid);
/// assert_eq!(status.outbound(&Payment::Declined)?, "failed");
/// let error = status.inbound("reversed").unwrap_err();
/// assert_eq!((error.code(), error.field()), ("UNMAPPED_VALUE", "status"));
/// # Ok::<(), everstep_activities::TranslationError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ValueMap<T> {
    field: &'static str,
    pairs: Vec<(&'static str, T)>,
}

impl<T: Clone + PartialEq + Debug> ValueMap<T> {
    /// The meanings of the field's values.
    pub fn new(field: &'static str, pairs: impl IntoIterator<Item = (&'static str, T)>) -> Self {
        Self { field, pairs: pairs.into_iter().collect() }
    }

    /// What their value means.
    ///
    /// # Errors
    /// [`TranslationError::UnmappedValue`].
    pub fn inbound(&self, theirs: &str) -> Result<T, TranslationError> {
        let found = self.pairs.iter().find(|(known, _)| *known == theirs);
        found.map(|(_, ours)| ours.clone()).ok_or_else(|| {
            let known: Vec<&str> = self.pairs.iter().map(|(known, _)| *known).collect();
            self.unmapped(format!("`{theirs}`"), known.join(", "))
        })
    }

    /// Their value for ours.
    ///
    /// # Errors
    /// [`TranslationError::UnmappedValue`].
    pub fn outbound(&self, ours: &T) -> Result<&'static str, TranslationError> {
        let found = self.pairs.iter().find(|(_, known)| known == ours);
        found.map(|(theirs, _)| *theirs).ok_or_else(|| {
            let known: Vec<String> =
                self.pairs.iter().map(|(_, ours)| format!("{ours:?}")).collect();
            self.unmapped(format!("{ours:?}"), known.join(", "))
        })
    }

    fn unmapped(&self, value: String, known: String) -> TranslationError {
        TranslationError::UnmappedValue { field: self.field.to_owned(), value, known }
    }
}
