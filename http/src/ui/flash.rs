//! What an action answered, carried over the redirect that follows a form sent without scripts.

use axum::http::{HeaderMap, HeaderValue, header};
use maud::{Markup, html};

use super::icons::{self, Icon};
use super::tone::Tone;
use super::url;

/// A message after an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flash {
    pub(super) text: String,
    pub(super) is_error: bool,
}

const NAME: &str = "everstep_flash";
/// A cookie holds about 4 kB; percent-encoding triples the worst of it.
const MAX_BYTES: usize = 1_000;

impl Flash {
    /// The cookie that shows it on the next page.
    pub(super) fn cookie(&self) -> HeaderValue {
        let mut end = self.text.len().min(MAX_BYTES);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let text = url::encode(&self.text[..end]);
        let kind = if self.is_error { "e" } else { "d" };
        let cookie =
            format!("{NAME}={kind}.{text}; Path=/ui; Max-Age=30; HttpOnly; SameSite=Strict");
        // Only unreserved characters are left after the encoding.
        HeaderValue::from_str(&cookie).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The cookie that takes it away once shown.
    pub(super) fn spent() -> HeaderValue {
        HeaderValue::from_static("everstep_flash=; Path=/ui; Max-Age=0; HttpOnly; SameSite=Strict")
    }

    /// The message that a request brings along.
    pub(super) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let (kind, text) = cookie(headers, NAME)?.split_once('.')?;
        Some(Self { text: decode(text)?, is_error: kind == "e" })
    }

    /// The toast.
    pub(super) fn toast(&self) -> Markup {
        toast(self.is_error, &self.text)
    }
}

/// A message that goes by itself: an alert when something was refused, else a status.
pub(super) fn toast(is_error: bool, text: &str) -> Markup {
    let tone = if is_error { Tone::Failed } else { Tone::Completed };
    html! {
        div class={ "toast " (tone.class()) } role=(if is_error { "alert" } else { "status" }) {
            (icons::glyph(tone))
            span.text { (text) }
            button.icon-button type="button" aria-label="Dismiss" { (Icon::Close.draw()) }
        }
    }
}

/// A cookie's value.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_redirect() {
        let flash = Flash { text: "signal `ü; x` sent, 100%".into(), is_error: true };
        let sent = flash.cookie();
        let pair = sent.to_str().unwrap().split(';').next().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, format!("a=b; {pair}").parse().unwrap());
        assert_eq!(Flash::from_headers(&headers), Some(flash));
    }

    #[test]
    fn a_forged_one_is_ignored() {
        for value in ["everstep_flash=e.%", "everstep_flash=e.%zz", "everstep_flash=x", "x"] {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, value.parse().unwrap());
            assert_eq!(Flash::from_headers(&headers), None, "{value}");
        }
    }
}
