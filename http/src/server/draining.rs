//! The one word that tells every waiting request that the server is going away.
//!
//! Invariant: once begun, it never ends.

use tokio::sync::watch;

/// Says that draining has begun.
#[derive(Debug)]
pub(crate) struct DrainSwitch(watch::Sender<bool>);

/// Hears that draining has begun. Clones hear the same.
#[derive(Clone, Debug)]
pub(crate) struct Draining(watch::Receiver<bool>);

impl DrainSwitch {
    pub(crate) fn new() -> (Self, Draining) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Draining(receiver))
    }

    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }
}

impl Draining {
    pub(crate) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when draining has begun, or the server is gone altogether.
    pub(crate) async fn begun(&self) {
        let mut receiver = self.0.clone();
        // An error says that the sender was dropped: nothing is left to wait for.
        let _ = receiver.wait_for(|begun| *begun).await;
    }
}
