//! Amounts of money between decimal texts and whole minor units.
//!
//! Invariant: exact both ways. What has more digits than the currency is refused, not rounded.

use super::TranslationError;

/// The most digits behind the point that any currency has.
const MOST_DIGITS: u32 = 4;

/// Reads `12.34` as 1234 minor units, of which `digits` stand behind the point.
///
/// ```
/// use everstep_activities::{decimal, minor_units};
///
/// assert_eq!(minor_units("amount", "12.3", 2)?, 1_230);
/// assert_eq!(decimal(1_230, 2), "12.30");
/// assert!(minor_units("amount", "12.345", 2).is_err());
/// # Ok::<(), everstep_activities::TranslationError>(())
/// ```
///
/// # Errors
/// [`TranslationError::InvalidExternalResponse`] when it is no such amount.
pub fn minor_units(field: &str, text: &str, digits: u32) -> Result<i64, TranslationError> {
    let invalid = || {
        let why = format!("`{text}` is no amount with at most {digits} digits behind the point");
        TranslationError::invalid(field, why)
    };
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, part) = rest.split_once('.').unwrap_or((rest, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = u32::try_from(part.len()).is_ok_and(|length| length <= digits.min(MOST_DIGITS));
    if whole.is_empty() || !all_digits(whole) || !all_digits(part) || !fits || rest.ends_with('.') {
        return Err(invalid());
    }
    let padded = format!("{whole}{part:0<width$}", width = digits.min(MOST_DIGITS) as usize);
    padded.parse::<i64>().ok().map(|units| sign * units).ok_or_else(invalid)
}

/// Writes minor units as a decimal text with `digits` behind the point.
pub fn decimal(units: i64, digits: u32) -> String {
    let digits = digits.min(MOST_DIGITS) as usize;
    let sign = if units < 0 { "-" } else { "" };
    let text = format!("{:0>width$}", units.unsigned_abs(), width = digits + 1);
    match text.split_at(text.len() - digits) {
        (whole, "") => format!("{sign}{whole}"),
        (whole, part) => format!("{sign}{whole}.{part}"),
    }
}
