//! Domains through which commands, deciders and projections can be tried from outside.

pub(crate) mod accounts;
pub(crate) mod bells;
