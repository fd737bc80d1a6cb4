//! The query string, read by name.
//!
//! Invariant: a parameter that we know is either taken as it was meant or refused with its name;
//! one that we do not know is ignored, so that older servers understand newer clients.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::Uri;

use super::Problem;
use super::percent::decode_query;

/// The longest that one request waits, in milliseconds; longer waits are clamped.
const MAX_WAIT_MS: u64 = 60_000;

/// The parameters of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameters<'a>(&'a str);

impl<'a> Parameters<'a> {
    pub(crate) fn of(uri: &'a Uri) -> Self {
        Self(uri.query().unwrap_or_default())
    }

    /// Every parameter, decoded, in the order of the request.
    pub(super) fn pairs(
        self,
    ) -> impl Iterator<Item = Result<(Cow<'a, str>, Cow<'a, str>), Problem>> {
        self.0.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decode_query(name), decode_query(value)) {
                (Ok(name), Ok(value)) => Ok((name, value)),
                _ => Err(Problem::invalid(format!(
                    "parameter `{pair}` is not percent-encoded utf-8"
                ))),
            }
        })
    }

    /// The parameter's text, when it is there.
    pub(crate) fn text(self, wanted: &str) -> Result<Option<Cow<'a, str>>, Problem> {
        let mut found = None;
        for pair in self.pairs() {
            let (name, value) = pair?;
            if name == wanted && found.replace(value).is_some() {
                return Err(Problem::invalid(format!("parameter `{wanted}` is given twice")));
            }
        }
        Ok(found)
    }

    /// The parameter as a whole number from 0.
    pub(super) fn number(self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Problem::invalid(format!(
                "parameter `{name}` must be a whole number from 0, found `{text}`"
            )));
        }
        // Only overflow can fail here, and whoever asks for so much gets the most there is.
        Ok(Some(text.parse().unwrap_or(u64::MAX)))
    }

    /// The parameter as a wait in milliseconds, clamped to one minute.
    pub(super) fn wait(self, name: &str) -> Result<Option<Duration>, Problem> {
        Ok(self.number(name)?.map(|ms| Duration::from_millis(ms.min(MAX_WAIT_MS))))
    }

    /// The parameter as `true` or `false`; false where it is absent.
    pub(super) fn flag(self, name: &str) -> Result<bool, Problem> {
        match self.text(name)?.as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Problem::invalid(format!(
                "parameter `{name}` must be `true` or `false`, found `{other}`"
            ))),
        }
    }

    /// `page_size`, from 1; sizes above `most` are clamped.
    pub(super) fn page_size(self, default: usize, most: usize) -> Result<usize, Problem> {
        match self.number("page_size")? {
            None => Ok(default),
            Some(0) => Err(Problem::invalid("parameter `page_size` must be at least 1")),
            Some(size) => Ok(usize::try_from(size).unwrap_or(most).min(most)),
        }
    }

    /// `page_token`; an empty one asks for the first page.
    pub(super) fn page_token(self) -> Result<Option<Cow<'a, str>>, Problem> {
        Ok(self.text("page_token")?.filter(|token| !token.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(query: &str) -> Parameters<'_> {
        Parameters(query)
    }

    #[test]
    fn reads_text_and_numbers() {
        let query = parameters("a=1&b=x%20y&wait_ms=99999999999999999999&&c");
        assert_eq!(query.number("a").unwrap(), Some(1));
        assert_eq!(query.text("b").unwrap().unwrap(), "x y");
        assert_eq!(query.text("c").unwrap().unwrap(), "");
        assert_eq!(query.text("d").unwrap(), None);
        assert_eq!(query.wait("wait_ms").unwrap(), Some(Duration::from_millis(60_000)));
    }

    #[test]
    fn refuses_what_is_no_number() {
        for query in ["n=", "n", "n=-1", "n=1.5", "n=x", "n=+1", "n=1&n=2", "n=%zz"] {
            assert!(parameters(query).number("n").is_err(), "{query}");
        }
        assert!(parameters("page_size=0").page_size(10, 20).is_err());
        assert_eq!(parameters("page_size=500").page_size(10, 20).unwrap(), 20);
    }
}
