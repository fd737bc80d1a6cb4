//! Who is logged in to the inspector: cookies that stand for a principal.
//!
//! Invariants: the cookie is not the token, and only its hash is kept; a session ends by itself,
//! and with the process; there are never more than [`MOST`].

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use everstep_engine::Principal;

use super::TokenHash;
use super::token::random_text;

/// How long one lasts.
pub(super) const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);
const MOST: usize = 1_024;

/// The sessions of this process.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<TokenHash, Session>>);

#[derive(Debug)]
struct Session {
    principal: Principal,
    begun: Instant,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<TokenHash, Session>> {
        // No code panics while it holds the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one; answers the cookie's value.
    pub(super) fn begin(&self, principal: Principal) -> String {
        let text = random_text();
        let begun = Instant::now();
        let mut sessions = self.lock();
        if sessions.len() >= MOST {
            sessions.retain(|_, session| session.begun.elapsed() < LIFETIME);
        }
        if sessions.len() >= MOST {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.begun);
            if let Some(oldest) = oldest.map(|(hash, _)| *hash) {
                sessions.remove(&oldest);
            }
        }
        sessions.insert(TokenHash::of(&text), Session { principal, begun });
        text
    }

    /// Whose session the cookie's value is.
    pub(super) fn find(&self, text: &str) -> Option<Principal> {
        let sessions = self.lock();
        let session = sessions.get(&TokenHash::of(text))?;
        (session.begun.elapsed() < LIFETIME).then(|| session.principal.clone())
    }

    /// Ends it.
    pub(super) fn end(&self, text: &str) {
        self.lock().remove(&TokenHash::of(text));
    }
}

#[cfg(test)]
mod tests {
    use everstep_engine::Role;

    use super::*;

    #[test]
    fn a_session_begins_and_ends_and_the_oldest_makes_room() {
        let sessions = Sessions::default();
        let ada = Principal::new("ada", Role::Viewer);
        let first = sessions.begin(ada.clone());
        assert_eq!(sessions.find(&first), Some(ada.clone()));
        assert_eq!(sessions.find("else"), None);
        sessions.end(&first);
        assert_eq!(sessions.find(&first), None);
        let texts: Vec<_> = (0..=MOST).map(|_| sessions.begin(ada.clone())).collect();
        assert_eq!(sessions.find(&texts[0]), None);
        assert!(texts[1..].iter().all(|text| sessions.find(text).is_some()));
    }
}
