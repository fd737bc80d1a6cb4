//! Changes of code that runs which began before must not take.
//!
//! The first call decides for the whole run, and the answer is kept: a loop does not change its
//! way in the middle. Live code takes the new way and records a marker. Code that is replayed
//! takes the new way only where the history has the marker.
//!
//! Invariant: what is answered depends on the history alone. A poll whose events were recorded but
//! never acted on (the code panicked there, or could not run) counts as live, so that a patch can
//! mend it.

use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::Arc;

use super::WorkflowContext;
use super::core::{Asked, State};
use crate::HistoryEvent;
use crate::kernel::Recorded;

/// What is known of a history before its replay begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Foresight {
    /// The patches that it has markers of, by id, and whether they are deprecated.
    pub(crate) patches: BTreeMap<Arc<str>, bool>,
    /// The event since which the code could not run, and has not run since.
    pub(crate) stuck_from: Option<u64>,
}

impl Foresight {
    /// Reads it off a whole history.
    pub(crate) fn of(history: &[Recorded]) -> Self {
        let mut foresight = Self::default();
        for (event_id, recorded) in (1..).zip(history) {
            match &recorded.event {
                HistoryEvent::WorkflowTaskFailed(_) => {
                    foresight.stuck_from.get_or_insert(event_id);
                }
                HistoryEvent::WorkflowTaskRecovered => foresight.stuck_from = None,
                HistoryEvent::PatchMarked { patch_id, deprecated } => {
                    foresight.patches.insert(Arc::clone(patch_id), *deprecated);
                }
                _ => {}
            }
        }
        foresight
    }

    /// Whether the code has acted on event `event_id` before.
    pub(crate) fn was_seen(&self, event_id: u64) -> bool {
        self.stuck_from.is_none_or(|stuck_from| event_id + 1 < stuck_from)
    }
}

/// The patches of one run's code.
#[derive(Default)]
pub(crate) struct Patches {
    /// The history has markers of these.
    recorded: BTreeMap<Arc<str>, bool>,
    /// What each was answered first.
    decided: BTreeMap<Arc<str>, bool>,
    /// The code acts on an event that it has acted on before.
    pub(crate) is_replaying: bool,
}

impl Patches {
    pub(crate) fn foreseen(recorded: BTreeMap<Arc<str>, bool>) -> Self {
        Self { recorded, ..Self::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.recorded.is_empty() && self.decided.is_empty()
    }
}

impl State {
    fn patched(
        &mut self,
        id: &str,
        deprecated: bool,
        location: &'static Location<'static>,
    ) -> bool {
        let patches = self.patches.get_or_insert_with(Box::default);
        if let Some(decided) = patches.decided.get(id) {
            return *decided;
        }
        let patch_id: Arc<str> = id.into();
        let taken = patches.recorded.contains_key(id) || !patches.is_replaying;
        patches.decided.insert(Arc::clone(&patch_id), taken);
        if taken {
            self.asked.push_back(Asked::MarkPatch { patch_id, deprecated, location });
        }
        taken
    }
}

impl WorkflowContext {
    /// Whether this run takes the new way of the change `id`. Runs that came by here before the
    /// change take the old way for ever; all others take the new one, and a marker in their
    /// history says so. The first call decides for the run.
    ///
    /// ```no_run
    /// # use everstep_engine::{Activity, WorkflowContext, WorkflowError};
    /// # const CHARGE: Activity<u64, ()> = Activity::new("charge");
    /// # const CHECK_FRAUD: Activity<u64, ()> = Activity::new("check_fraud");
    /// # async fn pay(ctx: &WorkflowContext, cents: u64) -> Result<(), WorkflowError> {
    /// if ctx.patched("fraud-check") {
    ///     ctx.activity(CHECK_FRAUD, cents).await?;
    /// }
    /// ctx.activity(CHARGE, cents).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn patched(&self, id: &str) -> bool {
        let location = Location::caller();
        self.core().with(|state| state.patched(id, false, location))
    }

    /// Takes the place of [`WorkflowContext::patched`] once no run is open that took the old way:
    /// the old code is deleted, and this stays until no run is open whose marker is not
    /// deprecated. `preflight` counts both.
    #[track_caller]
    pub fn deprecate_patch(&self, id: &str) {
        let location = Location::caller();
        self.core().with(|state| state.patched(id, true, location));
    }
}
