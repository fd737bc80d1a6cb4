//! What the pages share on which somebody decides about work: how a thing stands, where a list goes
//! on, and what is said when a form was sent.

use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use everstep_engine::TransactError;
use maud::{Markup, html};

use super::flash::Flash;
use super::icons;
use super::tone::Tone;

/// Glyph and word, in their colour.
pub(super) fn state(tone: Tone, word: &str) -> Markup {
    html! { span class={ "status " (tone.class()) } { (icons::glyph(tone)) " " (word) } }
}

/// The value of `aria-current`.
pub(super) const fn current(is_it: bool) -> &'static str {
    if is_it { "true" } else { "false" }
}

/// Leads to the next page of a list.
pub(super) fn more(address: &str) -> Markup {
    html! { p { a.button href=(address) { "More" } } }
}

/// Asks for a reason, which has to be given, and what it is for.
pub(super) fn reason(action: &str, word: &str) -> Markup {
    html! {
        form.inline method="post" action=(action) {
            input name="reason" required placeholder="Why not" aria-label="Reason";
            " " button.button { (word) }
        }
    }
}

/// Goes back to a page that says what became of a form.
pub(super) fn decided(done: Result<Flash, TransactError>, back: &str) -> Response {
    let failed = |text: String| Flash { text, is_error: true };
    let flash = match done {
        Ok(flash) => flash,
        Err(TransactError::Failed(error)) => failed(error.failure().message.clone()),
        Err(error) => failed(error.to_string()),
    };
    let cookie = AppendHeaders([(header::SET_COOKIE, flash.cookie())]);
    (cookie, Redirect::to(back)).into_response()
}
