//! What operators do to runs.

mod pause;
