//! Whether a request comes in, and as whom.
//!
//! Invariants: the API knows tokens only, so that no page can make a browser act there; a form of
//! the inspector that comes with a session's cookie must also say that it comes from one of our
//! own pages.

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, Method};
use everstep_engine::{DEFAULT_NAMESPACE, Principal};

use super::doors::{Doors, Reach};
use super::sessions::{LIFETIME, Sessions};
use super::{AccessRule, Caller, Tokens};
use crate::api::{Parameters, Problem, error_code as codes};

/// What the session of the inspector is remembered by.
const SESSION_COOKIE: &str = "everstep_session";

/// Who may come in, and what for.
#[derive(Debug)]
pub(crate) struct Access {
    tokens: Option<Tokens>,
    doors: Doors,
    sessions: Sessions,
}

/// Why a request stays outside.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Nobody is known by what it brought along; whoever looks at a page may log in.
    Unknown(Problem),
    /// The caller is known, and may not.
    Denied(Problem),
}

impl Access {
    pub(crate) fn new(tokens: Option<Tokens>, doors: Doors) -> Self {
        Self { tokens, doors, sessions: Sessions::default() }
    }

    /// What each route needs.
    pub(crate) fn rules(&self) -> Vec<AccessRule> {
        self.doors.rules()
    }

    /// Whether tokens are asked for.
    pub(crate) const fn is_guarded(&self) -> bool {
        self.tokens.is_some()
    }

    /// Lets a request in whose path matched `route`.
    pub(crate) fn admit(&self, route: Option<&str>, request: &Request) -> Result<Caller, Refused> {
        let Some(tokens) = &self.tokens else { return Ok(Caller(Principal::local())) };
        let need = self.doors.need(route, request.method());
        let Some(role) = need.role else {
            let known = self.recognise(tokens, request).ok();
            return Ok(known.map_or_else(Caller::nobody, Caller));
        };
        let principal = self.recognise(tokens, request)?;
        let denied = |denied| Refused::Denied(Problem::from(denied));
        principal.require(role).map_err(denied)?;
        match need.reach {
            Reach::Handler => {}
            Reach::Everywhere => principal.reach_everywhere().map_err(denied)?,
            Reach::Parameter => {
                let named = Parameters::of(request.uri()).text("namespace");
                let named = named.map_err(Refused::Denied)?;
                let namespace = named.as_deref().unwrap_or(DEFAULT_NAMESPACE);
                principal.reach(namespace).map_err(denied)?;
            }
        }
        Ok(Caller(principal))
    }

    fn recognise(&self, tokens: &Tokens, request: &Request) -> Result<Principal, Refused> {
        let headers = request.headers();
        if headers.contains_key(AUTHORIZATION) {
            let known = bearer(headers).and_then(|text| tokens.find(text));
            return known.cloned().ok_or_else(|| unknown("the token is not known here"));
        }
        let path = request.uri().path();
        if path != "/ui" && !path.starts_with("/ui/") {
            return Err(unknown("this server asks for a token: `Authorization: Bearer …`"));
        }
        let session = crate::ui::cookie(headers, SESSION_COOKIE);
        let principal = session.and_then(|text| self.sessions.find(text));
        let principal = principal.ok_or_else(|| unknown("nobody is logged in"))?;
        let safe = matches!(*request.method(), Method::GET | Method::HEAD);
        if !safe && !is_own_page(headers) {
            let detail = "a form with a session must come from a page of the inspector";
            return Err(Refused::Denied(Problem::new(codes::ORIGIN_NOT_ALLOWED, detail)));
        }
        Ok(principal)
    }

    /// Begins a session for whoever holds the token; answers the cookie.
    pub(crate) fn log_in(&self, token: &str) -> Option<String> {
        let principal = self.tokens.as_ref()?.find(token)?;
        let text = self.sessions.begin(principal.clone());
        let seconds = LIFETIME.as_secs();
        Some(format!(
            "{SESSION_COOKIE}={text}; Path=/ui; Max-Age={seconds}; HttpOnly; SameSite=Strict"
        ))
    }

    /// Ends the session that a request comes with; answers the cookie that takes it away.
    pub(crate) fn log_out(&self, headers: &HeaderMap) -> String {
        if let Some(text) = crate::ui::cookie(headers, SESSION_COOKIE) {
            self.sessions.end(text);
        }
        format!("{SESSION_COOKIE}=; Path=/ui; Max-Age=0; HttpOnly; SameSite=Strict")
    }
}

fn unknown(detail: &'static str) -> Refused {
    Refused::Unknown(Problem::new(codes::UNAUTHENTICATED, detail))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Browsers say where a form comes from; who says nothing is none of them.
fn is_own_page(headers: &HeaderMap) -> bool {
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or("?").to_owned();
    match headers.get("sec-fetch-site").map(text) {
        Some(site) => site == "same-origin",
        None => {
            let (origin, host) = (headers.get(ORIGIN).map(text), headers.get(HOST).map(text));
            origin.zip(host).is_some_and(|(origin, host)| {
                origin.split_once("://").is_some_and(|(_, authority)| authority == host)
            })
        }
    }
}
