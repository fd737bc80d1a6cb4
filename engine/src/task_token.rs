//! Names one attempt of an activity to whoever completes it from outside.
//!
//! Invariant: a token is about one attempt. What it would report is refused once that attempt has
//! ended, whoever ended it.

use std::fmt;
use std::str::FromStr;

use crate::{DEFAULT_NAMESPACE, RunId};

/// An attempt's name outside of the engine. Its text is opaque to whoever holds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaskToken {
    pub(crate) namespace: String,
    pub(crate) run_id: RunId,
    pub(crate) activity_id: u32,
    pub(crate) attempt: u32,
}

impl TaskToken {
    /// The namespace of the run that the attempt belongs to.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
}

/// The text is no task token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a task token")]
pub struct InvalidTaskToken;

/// The namespace comes last, because it may contain the separator.
impl fmt::Display for TaskToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.run_id, self.activity_id, self.attempt)?;
        match self.namespace.as_str() {
            DEFAULT_NAMESPACE => Ok(()),
            namespace => write!(f, ".{namespace}"),
        }
    }
}

impl FromStr for TaskToken {
    type Err = InvalidTaskToken;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(4, '.');
        let mut part = || parts.next().ok_or(InvalidTaskToken);
        let (run, activity, attempt) = (part()?, part()?, part()?);
        let token = Self {
            namespace: parts.next().unwrap_or(DEFAULT_NAMESPACE).to_owned(),
            run_id: run.parse().map_err(|_| InvalidTaskToken)?,
            activity_id: activity.parse().map_err(|_| InvalidTaskToken)?,
            attempt: attempt.parse().map_err(|_| InvalidTaskToken)?,
        };
        // One text a token: `+1` and `01` are numbers, too.
        if token.to_string() == text { Ok(token) } else { Err(InvalidTaskToken) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_only_what_it_wrote() {
        for namespace in [DEFAULT_NAMESPACE, "tenant.eu"] {
            let token = TaskToken {
                namespace: namespace.into(),
                run_id: RunId::from_bytes([7; 16]),
                activity_id: 3,
                attempt: 12,
            };
            assert_eq!(token.to_string().parse(), Ok(token));
        }
        let run = RunId::from_bytes([7; 16]);
        let nil = format!("{run}.1.1.{DEFAULT_NAMESPACE}");
        for text in ["", "x", "1.2.3", &format!("{run}.1"), &format!("{run}.+1.1"), &nil] {
            assert_eq!(text.parse::<TaskToken>(), Err(InvalidTaskToken), "{text}");
        }
    }
}
