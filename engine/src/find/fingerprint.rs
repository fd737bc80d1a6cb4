//! Fingerprints: failures of one cause get one number, whatever ids and numbers they name.

use crate::{Failure, kernel::TaskFailure};

/// Failed attempts from which on a run that goes on trying counts as stuck.
pub const STUCK_ATTEMPTS: u32 = 5;

/// The fingerprint of a failure: of its type, its message without numbers and ids, and the place
/// (an activity's or a workflow's type).
pub(crate) fn of_failure(failure: &Failure, place: &str) -> u64 {
    hash([&failure.kind, &masked(&failure.message), place])
}

/// The fingerprint of code that cannot go on. Its place is a source file: lines move from build to
/// build.
pub(crate) fn of_task(failure: &TaskFailure) -> u64 {
    let place = failure.location.as_deref().unwrap_or_default();
    let file = place.split(':').next().unwrap_or_default();
    hash([failure.kind.name(), &masked(&failure.message), file])
}

/// FNV-1a (Fowler, Noll, Vo; 64 bits) over the parts and what separates them: it must be the same
/// in every build.
pub(crate) fn hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

/// The message with every word that holds a digit replaced by `#`, cut after some hundred bytes.
fn masked(message: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let message = &message[..message.floor_char_boundary(512)];
    let mut masked = String::with_capacity(message.len());
    for part in message.split_inclusive(|c| !is_word(c)) {
        let word = part.trim_end_matches(|c| !is_word(c));
        match word.contains(|c: char| c.is_ascii_digit()) {
            true => masked.push('#'),
            false => masked.push_str(word),
        }
        masked.push_str(&part[word.len()..]);
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bug_has_the_same_fingerprint() {
        let failure = |message: &str| of_failure(&Failure::new("declined", message), "charge");
        let first = failure("card 4711 of order-17 (id 019ab000-0000-7000): no funds, 12.50 EUR");
        assert_eq!(
            first,
            failure("card 9 of order-18 (id 019ab001-ffff-7000): no funds, 7.99 EUR")
        );
        assert_ne!(first, failure("card 4711 of order-17: expired"));
        assert_ne!(first, of_failure(&Failure::new("declined", "no funds"), "charge"));
        assert_eq!(masked("at 10:30, user ada-7: no"), "at #:#, user #: no");
        assert_eq!(masked(""), "");
    }
}
