//! Percent-decoding of path segments and query strings.
//!
//! Invariant: strict. What is not `%` and two hexadecimal digits, or does not decode to UTF-8, is
//! refused instead of being repaired, so that two different requests never name one workflow.

use std::borrow::Cow;

/// The text is not percent-encoded UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undecodable;

/// Decodes a path segment.
pub(super) fn decode_segment(text: &str) -> Result<Cow<'_, str>, Undecodable> {
    decode(text, false)
}

/// Decodes a name or a value of a query string, where `+` is a space.
pub(super) fn decode_query(text: &str) -> Result<Cow<'_, str>, Undecodable> {
    decode(text, true)
}

fn decode(text: &str, plus_is_space: bool) -> Result<Cow<'_, str>, Undecodable> {
    if !text.bytes().any(|byte| byte == b'%' || (plus_is_space && byte == b'+')) {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let high = bytes.next().and_then(digit).ok_or(Undecodable)?;
                let low = bytes.next().and_then(digit).ok_or(Undecodable)?;
                high << 4 | low
            }
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| Undecodable)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_clients_encode() {
        assert_eq!(decode_segment("order-7").unwrap(), "order-7");
        assert_eq!(decode_segment("a%2Fb%20%25+%C3%A4").unwrap(), "a/b %+ä");
        assert_eq!(decode_query("a+b%2B").unwrap(), "a b+");
    }

    #[test]
    fn refuses_what_it_would_have_to_guess() {
        for broken in ["%", "%4", "%zz", "a%", "%ff", "%C3", "%+1"] {
            assert_eq!(decode_segment(broken), Err(Undecodable), "{broken}");
        }
    }
}
