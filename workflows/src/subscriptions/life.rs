//! Which process a consumer lives in, where it is this program: its name says so.
//!
//! Invariant: what is handed out to the program's own code dies with its process. The next owner of
//! the store knows that nobody works on it, and hands it out again at once; what others hold stays
//! theirs until its time is over.

use everstep_engine::Engine;

/// Names that begin so are the program's own.
pub(super) const OWN: &str = "everstep.worker/";

/// The name of this program's consumers.
pub(super) fn consumer(engine: &Engine) -> String {
    format!("{OWN}{}", engine.epoch())
}

/// Whether a consumer died with a process that owned the store before.
pub(super) fn is_over(consumer: &str, epoch: u64) -> bool {
    consumer.strip_prefix(OWN).is_some_and(|of| of.parse() != Ok(epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_program_s_own_consumers_die_with_it() {
        let over = |consumer| is_over(consumer, 7);
        assert!(over("everstep.worker/6") && over("everstep.worker/8"));
        assert!(!over("everstep.worker/7") && !over("worker") && !over("mailer/6"));
    }
}
