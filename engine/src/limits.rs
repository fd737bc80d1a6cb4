//! How large what goes in and out may be.
//!
//! Invariant: everything that carries a payload is measured before it is recorded, by these limits
//! and nowhere by others. What is too large fails the request, the attempt, the call or the run
//! that it belongs to, with a type of its own; it never stands in a history that cannot go on.

use std::collections::BTreeMap;

use everstep_storage::log::Append;

use crate::{Failure, Payload, Rejection, StartRequest};

/// The `type` of every failure that says so, and the code of every refusal.
pub(crate) const TOO_LARGE: &str = "payload_too_large";

/// The longest message of a failure, in bytes: it is for people, and lists and descriptions carry it.
const MESSAGE_BYTES: usize = 32 << 10;

/// The limits of what is taken, in bytes of JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadLimits {
    /// One payload: an input, a result, a signal, an argument, a heartbeat's details, a failure,
    /// published state, an application's row.
    pub payload_bytes: usize,
    /// One payload that stands in its history event and in its run's row. A larger one is kept in
    /// a row of its own, so that whoever reads the history need not read it.
    pub inline_payload_bytes: usize,
    /// A run's whole memo.
    pub memo_bytes: usize,
    /// A run's search attributes, their names and values together.
    pub search_attributes_bytes: usize,
    /// All rows, events, starts and signals of one transaction together.
    pub transaction_bytes: usize,
}

impl PayloadLimits {
    /// What holds where nothing is said: 4 MiB for a payload, 32 KiB for one that is not kept
    /// apart, 64 KiB for a memo, 16 KiB for search
    /// attributes, 16 MiB for a transaction.
    pub const DEFAULT: Self = Self {
        payload_bytes: 4 << 20,
        inline_payload_bytes: 32 << 10,
        memo_bytes: 64 << 10,
        search_attributes_bytes: 16 << 10,
        transaction_bytes: 16 << 20,
    };

    /// Refuses a payload that is too large; `what` names it for people.
    pub(crate) fn check(&self, what: &str, payload: &Payload) -> Result<(), Rejection> {
        within(what, payload.as_bytes().len(), self.payload_bytes)
    }

    /// Refuses a memo that is too large.
    pub(crate) fn check_memo(&self, memo: &Payload) -> Result<(), Rejection> {
        within("memo", memo.as_bytes().len(), self.memo_bytes)
    }

    /// Refuses search attributes that are too large together.
    pub(crate) fn check_attributes(
        &self,
        attributes: &BTreeMap<String, Payload>,
    ) -> Result<(), Rejection> {
        if attributes.is_empty() {
            return Ok(());
        }
        let size = |(name, value): (&String, &Payload)| name.len() + value.as_bytes().len();
        let bytes = attributes.iter().map(size).sum();
        within("search attributes", bytes, self.search_attributes_bytes)
    }

    /// Refuses a failure from outside that is too large.
    pub(crate) fn check_failure(&self, failure: &Failure) -> Result<(), Rejection> {
        within("failure", failure_bytes(failure), self.payload_bytes)
    }

    /// Refuses an event that is too large; answers how much all of them hold.
    pub(crate) fn check_events(&self, append: &Append) -> Result<usize, Rejection> {
        let mut all = 0;
        for event in append.events() {
            let bytes = event.data.len() + event.metadata.len();
            let what = || format!("event `{}`", event.event_type);
            if bytes > self.payload_bytes {
                within(&what(), bytes, self.payload_bytes)?;
            }
            all += bytes;
        }
        Ok(all)
    }

    /// Refuses a start that carries something too large.
    pub(crate) fn check_start(&self, request: &StartRequest) -> Result<(), Rejection> {
        self.check("input", &request.input)?;
        if let Some(memo) = &request.memo {
            self.check_memo(memo)?;
        }
        self.check_attributes(&request.search_attributes)?;
        if let Some(signal) = &request.signal {
            self.check("signal payload", &signal.payload)?;
        }
        match &request.update {
            Some(update) => self.check("update argument", &update.payload),
            None => Ok(()),
        }
    }

    /// A result that is too large is a failure that says so, and a failure that is too large loses
    /// what does not fit.
    pub(crate) fn outcome(
        &self,
        what: &str,
        outcome: Result<Payload, Failure>,
    ) -> Result<Payload, Failure> {
        match outcome {
            Ok(result) => match self.check(what, &result) {
                Ok(()) => Ok(result),
                Err(rejection) => Err(refused(&rejection)),
            },
            Err(failure) => Err(self.cut(failure)),
        }
    }

    /// Refuses a failure whose message is too long: it is kept in the event itself.
    pub(crate) fn check_message(failure: &Failure) -> Result<(), Rejection> {
        within("message of a failure", failure.message.len(), MESSAGE_BYTES)
    }

    /// The failure as far as there is room for it: without its details if they are too large
    /// together with the rest, and with the beginning of a message that is too long.
    pub(crate) fn cut(&self, mut failure: Failure) -> Failure {
        let bytes = failure_bytes(&failure);
        if bytes <= self.payload_bytes && Self::check_message(&failure).is_ok() {
            return failure;
        }
        let mut limit = MESSAGE_BYTES;
        if bytes > self.payload_bytes {
            failure.details = None;
            limit = limit.min(self.payload_bytes);
        }
        // A type is a name; one that is longer than this is none.
        failure.kind.truncate(failure.kind.floor_char_boundary(limit.min(256)));
        let note = format!(" … (cut: the failure had {bytes} bytes, {limit} of its text are kept)");
        let room = limit.saturating_sub(note.len() + failure.kind.len());
        failure.message.truncate(failure.message.floor_char_boundary(room));
        failure.message.push_str(&note);
        failure
    }
}

impl Default for PayloadLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The refusal as data, for whoever waits for the outcome.
pub(crate) fn refused(rejection: &Rejection) -> Failure {
    Failure::new(rejection.code(), rejection.to_string()).non_retryable()
}

fn failure_bytes(failure: &Failure) -> usize {
    let details = failure.details.as_ref().map_or(0, |details| details.as_bytes().len());
    failure.kind.len() + failure.message.len() + details
}

fn within(what: &str, bytes: usize, limit: usize) -> Result<(), Rejection> {
    match bytes > limit {
        true => Err(Rejection::PayloadTooLarge { what: what.to_owned(), bytes, limit }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: PayloadLimits = PayloadLimits { payload_bytes: 200, ..PayloadLimits::DEFAULT };

    #[test]
    fn a_failure_keeps_what_there_is_room_for() {
        let long = Failure::new("declined", "ä".repeat(300));
        let cut = SMALL.cut(long);
        assert!(cut.message.starts_with("ää"), "{}", cut.message);
        assert!(cut.message.len() <= 200 && cut.message.contains("608 bytes"), "{}", cut.message);
        let small = Failure::new("declined", "no funds");
        assert_eq!(SMALL.cut(small.clone()), small);
        let detailed = small.with_details(Payload::from_value(&"x".repeat(300)).unwrap());
        let cut = SMALL.cut(detailed);
        assert!(cut.details.is_none() && cut.message.starts_with("no funds … (cut"), "{cut:?}");
    }

    #[test]
    fn a_long_message_is_kept_to_its_beginning_and_the_details_stay() {
        let details = Payload::from_value(&"x".repeat(300)).unwrap();
        let long = Failure::new("declined", "ä".repeat(40_000)).with_details(details);
        let cut = PayloadLimits::DEFAULT.cut(long.clone());
        assert_eq!(cut.details, long.details);
        assert!(cut.message.len() <= 32 << 10 && cut.message.len() > 32_700, "{}", cut.message);
        assert!(cut.message.ends_with("32768 of its text are kept)"), "{}", cut.message);
        assert!(PayloadLimits::check_message(&long).is_err());
        assert!(PayloadLimits::check_message(&cut).is_ok());
    }

    #[test]
    fn a_result_at_the_limit_passes_and_one_byte_more_fails() {
        let of = |bytes: usize| Payload::from_value(&"x".repeat(bytes - 2)).unwrap();
        assert!(SMALL.outcome("result", Ok(of(200))).is_ok());
        let failure = SMALL.outcome("result", Ok(of(201))).unwrap_err();
        assert_eq!((failure.kind.as_str(), failure.non_retryable), (TOO_LARGE, true));
        assert_eq!(failure.message, "result has 201 bytes; the limit is 200");
    }
}
