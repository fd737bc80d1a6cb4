//! Who may come in: bearer tokens, what each route needs, and the sessions of the inspector.
//!
//! ```text
//! request ──► Access::admit ── which door? ── who knocks? ── role, namespace ──► Caller in the request
//!               doors.rs          tokens.rs, sessions.rs        principal           caller.rs
//! ```
//!
//! A route says itself what it needs: one of the API in its description (`security(("token" =
//! ["app"]))`, which also shows in the OpenAPI document), one of the inspector where it is added
//! to the router.
//!
//! Invariants:
//! - **what says nothing is closed**: a route without a declaration is the admin's alone, and a
//!   token that is limited to some namespaces reaches no route that does not say whose rows it
//!   shows;
//! - a token is nowhere stored or logged, only its SHA-256;
//! - without configured tokens everybody is [`Principal::local`](crate::Principal::local), and the
//!   server listens on loopback only.

mod admission;
mod caller;
mod doors;
mod sessions;
mod token;
mod tokens;

pub use doors::AccessRule;
pub use token::{Token, TokenHash};
pub use tokens::{TokenEntry, TokenFileError, Tokens};

pub(crate) use admission::{Access, Refused};
pub(crate) use caller::Caller;
pub(crate) use doors::{Doors, Pages, SCHEME, act, open, see};
